/** PostgreSQL holds the car number in a signed 32-bit integer. */
export const carNumberMax = 2_147_483_647

/** PostgreSQL's text cannot hold NUL, and the others are damage. */
export const controlCharacter = /\p{Cc}/u

/** Readings are float32; a larger number has none that stands for it. */
export const float32Max = 3.402_823_466_385_288_6e38

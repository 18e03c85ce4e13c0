type Way = 'listener' | 'express'

let way: Way = 'listener'

/** Which way requests go to an API that is started from now on: as in production, or through Express alone. */
export function takeWay(chosen: Way): void {
  way = chosen
}

export function chosenWay(): Way {
  return way
}

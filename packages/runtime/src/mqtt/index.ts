export { subscribeMqtt, type MqttMessage, type MqttSubscription } from './subscribe.ts'

// SPDX-License-Identifier: Apache-2.0
/** The MQTT client on its own, for programs that speak to a broker without a cloud. */
export { Client, type ClientOptions, type Published, type Server } from "./client.js";
export type { Protocol, QoS } from "./constants.js";
export type { Payload, SubscribeOptions, Will } from "./encode.js";
export type { MQTTEvent } from "./event.js";
export type { Source, WhenFull } from "./outbox.js";
export type { Properties } from "./properties.js";
export type { Authentication, PublishOptions, SessionOptions } from "./session.js";
export type { QueueOptions, StoreOptions } from "./store.js";
export { matches } from "./topic.js";

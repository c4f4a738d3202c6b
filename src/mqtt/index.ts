// SPDX-License-Identifier: Apache-2.0
/** The MQTT client on its own, for programs that speak to a broker without a cloud. */
export { Client, type ClientOptions, type Server } from "./client.js";
export type { QoS } from "./constants.js";
export { FlashQueue } from "./flash-queue.js";
export type { MQTTEvent } from "./event.js";
export type { Payload, Will } from "./packet.js";
export type { Queue, QueueOwner } from "./queue.js";
export { RingQueue } from "./ring-queue.js";
export type { PublishOptions, SessionOptions } from "./session.js";
export { matches } from "./topic.js";
export { Journal, type JournalOptions } from "../storage/journal.js";

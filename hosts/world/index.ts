// SPDX-License-Identifier: Apache-2.0
/** The world: one seeded universe in which devices, their network and their time are simulated. */
export { Authority, FLAWS, type Credentials, type Flaw, type IssueOptions } from "./authority.js";
export type { Certificate } from "./certificate.js";
export { Clock } from "./clock.js";
export { Device, type Crash, type DeviceOptions, type ImageOptions, type ProgramOptions } from "./device.js";
export { BLOCK_LENGTH, type Flash, type Partition } from "./flash.js";
export { worldImage, type Program, type RunningImage, type WorldImageOptions } from "./images.js";
export { openCSR, verifySignature, type CSR } from "./keys.js";
export type { Incoming, Listener, Peer } from "./listener.js";
export { formatEvent, type Log, type WorldEvent } from "./log.js";
export type { FlapOptions, ListenOptions, Network, Target } from "./network.js";
export type { Tear } from "./power.js";
export { Random } from "./random.js";
export type { Storage, StorageValues } from "./storage.js";
export { text } from "./text.js";
export type { ServerSecureOptions } from "./tls.js";
export { createWorld, type RunOptions, type World, type WorldOptions } from "./world.js";

// SPDX-License-Identifier: Apache-2.0
/** The public surface of Moorline: a device, and what a program meets when it uses one. */
export { DeviceError, type ErrorCode } from "./base/error.js";
export type { Backoff } from "./base/backoff.js";
export type { Cloud, Firmware } from "./clouds/cloud.js";
export { Device, type DeviceOptions } from "./device.js";
export type { Host } from "./host.js";
export { createCSR, type CSROptions, type Subject } from "./identity/csr.js";
export { CredentialStore, type Candidate, type Credentials } from "./identity/credentials.js";
export { decodePEM, decodePrivateKey, encodePEM } from "./identity/pem.js";
export {
	Provisioning, type CreatedAnswer, type ProvisioningCallbacks, type ProvisioningOptions, type ProvisioningParameters,
	type ProvisioningPort, type RegisteredAnswer,
} from "./identity/provisioning.js";
export type { JSONObject, JSONValue } from "./shadow/document.js";

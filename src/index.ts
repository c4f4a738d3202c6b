// SPDX-License-Identifier: Apache-2.0
/** The public surface of Moorline. */
export { DeviceError, type ErrorCode } from "./base/error.js";
export type { Host } from "./host.js";

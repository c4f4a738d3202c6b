// SPDX-License-Identifier: Apache-2.0
/**
 * The one error class of the SDK, and its closed set of codes.
 *
 * A code names whose fault a failure is, because that is what decides the caller's next move;
 * a string survives compartments, mods and duplicate copies of the SDK where `instanceof` does not.
 */

/**
 * | Family    | Codes                                          | Caller's move                                      |
 * |-----------|------------------------------------------------|----------------------------------------------------|
 * | usage     | `argument`, `state`, `unsupported`             | fix the program                                    |
 * | capacity  | `full`, `too-large`                            | slow down or configure more                        |
 * | peer      | `malformed`, `violation`, `rejected`           | report; reconnecting does not help by itself       |
 * | transport | `unreachable`, `timeout`, `closed`, `tls`      | retry with backoff                                 |
 * | trust     | `signature`, `digest`, `version`, `credential` | never retry silently                               |
 * | storage   | `storage`, `corrupt`                           | fall back and report                               |
 * | invariant | `internal`                                     | restart; it is a bug                               |
 */
export type ErrorCode =
	| "argument" | "state" | "unsupported"
	| "full" | "too-large"
	| "malformed" | "violation" | "rejected"
	| "unreachable" | "timeout" | "closed" | "tls"
	| "signature" | "digest" | "version" | "credential"
	| "storage" | "corrupt"
	| "internal";

export interface ErrorDetails {
	/** The peer's own number for the reason: an MQTT reason code, a CoAP response code, a TLS alert. */
	detail?: number | undefined;
	/** The failure underneath, where there is one. */
	cause?: unknown;
}

/** Every failure of the SDK. The message never holds payloads or secrets. */
export class DeviceError extends Error {
	// A field, not an assignment: Error.prototype.name is frozen on XS and assigning through it throws.
	override name = "DeviceError";
	readonly code: ErrorCode;
	readonly detail: number | undefined;

	constructor(code: ErrorCode, message: string, details?: ErrorDetails) {
		super(message, details?.cause === undefined ? undefined : { cause: details.cause });
		this.code = code;
		this.detail = details?.detail;
	}
}

/** `error` as a `DeviceError`: itself when it is one (from any copy of the SDK), else wrapped with `code`. */
export function toDeviceError(error: unknown, code: ErrorCode, message: string): DeviceError {
	if (error instanceof Error && error.name === "DeviceError") return error as DeviceError;
	return new DeviceError(code, error instanceof Error ? `${message}: ${error.message}` : message, { cause: error });
}

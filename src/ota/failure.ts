// SPDX-License-Identifier: Apache-2.0
/** Why an update ended without success: a closed set of reasons, which are what the cloud is told. */
import { DeviceError, type ErrorCode } from "../base/error.js";

/** Reasons by their names, and the code of the error that carries each. */
const CODES = Object.freeze({
	/** The release begins with no header of ours, or its manifest is not what a manifest has to be. */
	malformed: "malformed",
	/** Bytes behind the manifest's end. */
	trailing: "malformed",
	/** The signature's algorithm is none of ours, or not that of its key. */
	algorithm: "signature",
	signature: "signature",
	/** Signed with a key that this firmware does not know. */
	"key-unknown": "credential",
	"key-revoked": "credential",
	expired: "version",
	/** For another product. */
	product: "unsupported",
	/** For other hardware. */
	hardware: "unsupported",
	/** Not newer than what runs. */
	version: "version",
	/** An older security counter than the one in force. */
	counter: "version",
	/** What runs is too old for it. */
	minimum: "version",
	/** A component that this device has no place for. */
	component: "unsupported",
	/** A component that does not fit the image that runs. */
	compatibility: "unsupported",
	/** Larger than its slot. */
	"too-large": "too-large",
	/** A patch whose base is not what is installed, in a release without the whole of it. */
	base: "digest",
	/** No patch that could be followed. */
	patch: "malformed",
	/** A patch that makes more than the manifest says. */
	"patch-bomb": "too-large",
	/** A part of what came is not what was signed. */
	"block-digest": "digest",
	digest: "digest",
	/** There is less than the manifest says. */
	truncated: "malformed",
	"not-found": "rejected",
	forbidden: "rejected",
	/** The server sends everything where a part was asked for. */
	"range-ignored": "violation",
	/** The file is another than before. */
	changed: "violation",
	redirects: "violation",
	/** The source was tried again and again, and never gave anything. */
	unreachable: "unreachable",
	/** The program, or who uses the device, said no. */
	refused: "rejected",
	canceled: "rejected",
	/** The flash failed. */
	storage: "storage",
	/** The platform says that it is no image that could boot. */
	image: "corrupt",
	/** On trial: it ended by an exception. */
	crashed: "internal",
	/** On trial: a watchdog had to end it. */
	hung: "timeout",
	/** On trial: the power failed, or something else reset it. */
	interrupted: "timeout",
	/** On trial: it was not healthy in time. */
	unhealthy: "timeout",
	/** It calls itself by another version than its manifest does. */
	mislabelled: "version",
	/** There is no image before to go back to. */
	"no-previous": "state",
	/** The image before is older than the security counter in force. */
	unsafe: "version",
} as const satisfies Readonly<Record<string, ErrorCode>>);

export type FailureReason = keyof typeof CODES;

/** A `DeviceError` that says why an update cannot be. */
export class UpdateError extends DeviceError {
	readonly reason: FailureReason;

	constructor(reason: FailureReason, message: string, cause?: unknown) {
		super(CODES[reason], message, { cause });
		this.reason = reason;
	}
}

/** The reason in `error`, or the one given for all that is no failure of an update by itself. */
export function reasonOf(error: unknown, otherwise: FailureReason): FailureReason {
	const reason = (error as Partial<UpdateError> | undefined)?.reason;
	return reason !== undefined && reason in CODES ? reason : otherwise;
}

/** `error` as an `UpdateError`: `malformed`, unless it is one already. */
export function malformed(error: unknown): UpdateError {
	if (error instanceof UpdateError) return error;
	return new UpdateError("malformed", error instanceof Error ? error.message : "not well-formed", error);
}

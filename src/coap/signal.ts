// SPDX-License-Identifier: Apache-2.0
/**
 * What the signals of a stream say that end it, as errors.
 *
 * Read first: RFC 8323 §5.2, §5.5, §5.6.
 */
import { DeviceError } from "../base/error.js";
import type { TextCodec } from "../host.js";
import { Signal } from "./constants.js";
import { uintOf, type Message } from "./message.js";
import { findOption, isCritical, type Option } from "./option.js";

/** Bytes of the peer's words that are repeated in an error. */
const DIAGNOSTIC_MAXIMUM = 128;

/** The first that must be understood: there is none that could be, as all that are defined are elective. */
export function criticalOption(options: readonly Option[]): Option | undefined {
	return options.find(({ number }) => isCritical(number));
}

/** Seconds in which the peer wants no new connection. */
export function holdOffOf(release: Message): number {
	return uintOf(release, Signal.HOLD_OFF) ?? 0;
}

export function releaseError(text: TextCodec, release: Message): DeviceError {
	const seconds = holdOffOf(release);
	const address = findOption(release.options, Signal.ALTERNATIVE_ADDRESS);
	let what = "the peer released the connection";
	if (seconds > 0) what += ` for ${seconds} s`;
	if (address !== undefined) what += `, in favour of another address${inBrackets(text, address.value)}`;
	return new DeviceError("closed", what + inBrackets(text, release.payload));
}

/** `detail` is the number of the option that the peer cannot live with, if that is why. */
export function abortError(text: TextCodec, abort: Message): DeviceError {
	const what = `the peer aborted the connection${inBrackets(text, abort.payload)}`;
	return new DeviceError("closed", what, { detail: uintOf(abort, Signal.BAD_CSM_OPTION) });
}

function inBrackets(text: TextCodec, bytes: Uint8Array): string {
	if (bytes.byteLength === 0 || bytes.byteLength > DIAGNOSTIC_MAXIMUM) return "";
	try {
		return ` (${text.decode(bytes, 0, bytes.byteLength)})`;
	} catch {
		return "";
	}
}

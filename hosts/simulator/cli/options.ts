// SPDX-License-Identifier: Apache-2.0
/** What the values of options mean. Each parser throws what commander reports as a mistake in the command line. */
import { InvalidArgumentError } from "commander";
import { parseEndpoint } from "../../../src/base/url.js";
import { UsageError } from "./console.js";
import type { IdentityFiles } from "./identity.js";
import { SCHEMES } from "./schemes.js";
import { isDeviceId } from "../services/registry.js";

const UNITS: Readonly<Record<string, number>> = Object.freeze({ ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 });
/** The longest delay of a timer: 2^31 - 1 ms, some 24 days. */
const DURATION_MAXIMUM = 2 ** 31 - 1;
/** Bytes. Below, no SDK fits; above, it is no microcontroller. */
const ARENA_MINIMUM = 16_384, ARENA_MAXIMUM = 67_108_864;

/** `250ms`, `90s`, `10m`, `1h`, `2d` in milliseconds. */
export function duration(text: string): number {
	const [, amount, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text) ?? [];
	const milliseconds = Number(amount) * (UNITS[unit ?? ""] ?? NaN);
	if (!(milliseconds >= 1 && milliseconds <= DURATION_MAXIMUM)) {
		throw new InvalidArgumentError("Expected a duration such as 250ms, 90s, 10m, 1h or 2d, at most 24d.");
	}
	return milliseconds;
}

/** 0 lets the system choose. */
export function port(text: string): number {
	return wholeNumber(text, 0, 65_535);
}

export function arena(text: string): number {
	return wholeNumber(text, ARENA_MINIMUM, ARENA_MAXIMUM);
}

export function seed(text: string): number {
	return wholeNumber(text, 0, 2 ** 32 - 1);
}

export function brokerURL(text: string): string {
	try {
		parseEndpoint(text, { mqtt: 1883, mqtts: 8883 });
	} catch {
		throw new InvalidArgumentError("Expected mqtts://name:port or mqtt://name:port.");
	}
	return text;
}

/** Where a device connects to: a broker, or a server of CoAP. */
export function cloudURL(text: string): string {
	try {
		parseEndpoint(text, Object.fromEntries(SCHEMES.map(scheme => [scheme, 1])));
	} catch {
		throw new InvalidArgumentError(`Expected mqtts://name:port, or another scheme of ${SCHEMES.join(", ")}.`);
	}
	return text;
}

export function deviceName(text: string): string {
	if (!isDeviceId(text)) throw new InvalidArgumentError("Expected up to 128 letters, digits and . _ : -, the first a letter or digit.");
	return text;
}

/** For an option that may be given more than once. */
export function deviceNames(text: string, former: readonly string[] | undefined): readonly string[] {
	return [...former ?? [], deviceName(text)];
}

/** @throws UsageError when there are files and nobody to show them to */
export function checkFiles({ broker, ca, cert, key, psk }: IdentityFiles & { broker?: string | undefined }): void {
	if (broker === undefined && (ca ?? cert ?? key) !== undefined) throw new UsageError("--ca, --cert and --key need --broker");
	if (broker === undefined && psk !== undefined) throw new UsageError("--psk needs --broker");
}

function wholeNumber(text: string, minimum: number, maximum: number): number {
	const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
	if (!(value >= minimum && value <= maximum)) throw new InvalidArgumentError(`Expected a whole number from ${minimum} to ${maximum}.`);
	return value;
}

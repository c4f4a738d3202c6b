// SPDX-License-Identifier: Apache-2.0
/** Whether a release is for this device, and for it as it is now. */
import { UpdateError } from "./failure.js";
import type { Manifest } from "./manifest.js";
import { compareVersions } from "./version.js";

/** What a device says of itself. */
export interface DeviceFacts {
	readonly product: string;
	/** Of the image that runs (SemVer 2.0.0). */
	readonly version: string;
	/** What the release must be newer than: that image, or the components that it replaces; "" for nothing. */
	readonly former: string;
	/** Name of the hardware, "" where it has none: then what is for named hardware alone is not for it. */
	readonly hardware: string;
	/** The security counter in force. */
	readonly counter: number;
	/** ms since 1970; `undefined` while nobody knows: nothing is expired then. */
	readonly wall: number | undefined;
	/** What the image that runs provides for other components. */
	readonly provides: readonly string[];
}

/**
 * Lets pass what may be installed; the manifest's signature was verified before.
 * @throws UpdateError `product`, `hardware`, `expired`, `counter`, `version`, `minimum`, `compatibility` (of what comes
 * without an image of its own), in this order;
 * `malformed` when the device's own version is none
 */
export function admit(manifest: Manifest, facts: DeviceFacts): void {
	const { version, hardware, minimum, components } = manifest;
	if (manifest.product !== facts.product) throw new UpdateError("product", "a release of another product");
	if (hardware.length > 0 && !hardware.includes(facts.hardware)) {
		throw new UpdateError("hardware", "a release for other hardware");
	}
	if (facts.wall !== undefined && facts.wall > manifest.expires * 1000) {
		throw new UpdateError("expired", `a release that expired at ${manifest.expires} s`);
	}
	if (manifest.counter < facts.counter) {
		throw new UpdateError("counter", `security counter ${manifest.counter}, where ${facts.counter} is in force`);
	}
	if (facts.former !== "" && compareVersions(version, facts.former) <= 0) {
		throw new UpdateError("version", `${version} is not newer than ${facts.former}`);
	}
	if (minimum !== "" && compareVersions(facts.version, minimum) < 0) {
		throw new UpdateError("minimum", `only for ${minimum} and newer`);
	}
	// What comes with its own image is that image's matter.
	if (components.some(({ kind }) => kind === "image")) return;
	for (const { name, requires } of components) {
		if (requires !== "" && !facts.provides.includes(requires)) {
			throw new UpdateError("compatibility", `${name} requires ${requires}`);
		}
	}
}

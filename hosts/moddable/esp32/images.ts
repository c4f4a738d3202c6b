// SPDX-License-Identifier: Apache-2.0
/**
 * `host.images` on ESP32, and what "running" and "nextota" are there. The calls into ESP-IDF are in native/.
 *
 * "nextota" follows from the image that runs, not from the one that boots next, so it stays the same partition once its
 * image was activated.
 */
import { DeviceError } from "../../../src/base/error.js";
import type { Images } from "../../../src/host.js";

/** What activating answers. */
const ACTIVATED = 0;
const NOT_BOOTABLE = 1;

const slots: Images = Object.freeze({
	get onTrial(): boolean { return isOnTrial(); },
	get canRevert(): boolean { return native("moorline_images_can_revert").call(undefined) as boolean; },
	activate(): void {
		if (isOnTrial()) throw new DeviceError("state", "an image on trial cannot activate another");
		const result = native("moorline_images_activate").call(undefined);
		if (result === NOT_BOOTABLE) throw new DeviceError("corrupt", "there is no whole image in nextota");
		if (result !== ACTIVATED) throw new DeviceError("storage", "the image to boot could not be written down");
	},
	confirm(): void {
		if (!native("moorline_images_confirm").call(undefined)) throw new DeviceError("storage", "the trial could not be ended");
		endWatch();
	},
	revert(): void {
		if (slots.canRevert) {
			native("moorline_crash_leave").call(undefined);
			native("moorline_images_revert").call(undefined);
		}
		throw new DeviceError("state", "there is no image before that could boot");
	},
});

/** `undefined` for a product with one image, or whose boot loader never goes back. */
export function getImages(): Images | undefined {
	return native("moorline_images_exist").call(undefined) ? slots : undefined;
}

/** Runs before "nextota" is changed. @throws DeviceError `state` while on trial: it is the image before, then */
export function releaseNext(): void {
	if (isOnTrial()) throw new DeviceError("state", "while an image is on trial, the one before it is only read");
	native("moorline_images_release").call(undefined);
}

/** An image that is confirmed needs no watch; one on trial is watched until it is. */
export function watch(): void {
	if (!isOnTrial()) endWatch();
}

function isOnTrial(): boolean {
	return native("moorline_images_on_trial").call(undefined) as boolean;
}

function endWatch(): void {
	native("moorline_images_end_watch").call(undefined);
}

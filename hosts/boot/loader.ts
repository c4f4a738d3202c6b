// SPDX-License-Identifier: Apache-2.0
/**
 * The boot loader: chooses the image of a boot, by the rules of ESP-IDF's with roll-back enabled.
 *
 * An image that is new is pending from here on, before it runs; one that is still pending at a reset had its one boot, and
 * is aborted. A slot whose image is broken gives way to the other, whatever that one's state: as a last resort, a bad image
 * is better than none. Where a slot boots that the entries do not point to, they are made to.
 *
 * ESP-IDF looks at the state of an entry without its check; here what is not whole is no entry.
 */
import { isBootable } from "./image.js";
import { State, withOTAData } from "./otadata.js";
import { otherSlot, type Platform, type Slot } from "./partitions.js";

export interface Selection {
	slot: Slot;
	/** This is the one boot of an image that was not confirmed. */
	onTrial: boolean;
}

/** Runs at each boot, before anything else. @returns `undefined` when neither slot has an image that could boot */
export function select(platform: Platform): Selection | undefined {
	return withOTAData(platform, otadata => {
		for (const entry of otadata.entries()) if (entry.state === State.PENDING_VERIFY) otadata.mark(entry, State.ABORTED);
		const active = otadata.active(), isNew = active?.state === State.NEW;
		if (isNew) otadata.mark(active, State.PENDING_VERIFY);
		const wanted = active?.slot ?? 0;
		const slot = [wanted, otherSlot(wanted)].find(each => isBootable(platform, each));
		if (slot === undefined) return undefined;
		if (slot !== active?.slot) otadata.point(slot, State.VALID);
		return { slot, onTrial: isNew && slot === wanted };
	});
}

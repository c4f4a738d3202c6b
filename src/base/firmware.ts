// SPDX-License-Identifier: Apache-2.0

/** What the firmware calls itself, and what it takes for its successor. */
export interface Firmware {
	product: string;
	/** SemVer 2.0, where it is to be updated. */
	version: string;
	/** The hardware that it runs on, for releases that are not for all. */
	hardware?: string | undefined;
	/** Security counter: no release with a lower one is installed. */
	counter?: number | undefined;
	/** Interfaces that mods and data may require of this image. */
	provides?: readonly string[] | undefined;
	/** Keys that releases may be signed with, as `moorline keygen` prints them. */
	keys?: readonly string[] | undefined;
}

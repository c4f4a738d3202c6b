// SPDX-License-Identifier: Apache-2.0
/** The emulated boot loader, and what a boot finds of the one before, which the world, Node and XS share. */
export { clipCrash, describeThrown, formatCrash, parseCrash } from "./crash.js";
export { contentOf, IMAGE_OVERHEAD, isBootable, wrapImage } from "./image.js";
export { createImageFlash, createImages, runningSlot, type RunningPlatform } from "./images.js";
export { select, type Selection } from "./loader.js";
export { OTAData, State, withOTAData, type Entry } from "./otadata.js";
export { imagePartitions, OTADATA, otherSlot, SECTOR_LENGTH, SLOTS, type Platform, type Slot } from "./partitions.js";

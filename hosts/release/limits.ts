// SPDX-License-Identifier: Apache-2.0
/** What a release may be at most: what every device takes. */

export const COMPONENTS_MAXIMUM = 8;
export const PAYLOADS_MAXIMUM = 8;
export const HARDWARE_MAXIMUM = 16;
export const REVOKED_MAXIMUM = 8;
/** Bytes of a content. */
export const SIZE_MAXIMUM = 24 * 1024 * 1024;
/** Groups of a component. */
export const GROUPS_MAXIMUM = 32;
/** Bytes of a group at least: a digest more for less than that is not worth its place in the manifest. */
export const GROUP_MINIMUM = 65_536;
/** Of the security counter. */
export const COUNTER_MAXIMUM = 2 ** 32 - 1;

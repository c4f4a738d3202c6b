// SPDX-License-Identifier: Apache-2.0
/** Numbers of 32 bits that count on through zero (RFC 1982): those compared lie less than 2^31 apart. */

/** Steps from `earlier` to `later`; negative when it is the other way round. */
export function steps(earlier: number, later: number): number {
	return (later - earlier) | 0;
}

/** The number `count` steps after `number`. */
export function stepped(number: number, count: number): number {
	return (number + count) >>> 0;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Where this host asks, before it makes the host of a process, whether somebody stands between: a recorder that wraps it,
 * or a replay that has another (hosts/record). A symbol of all realms, because a program brings its own copy of this.
 */
import type { Host } from "../../src/host.js";

export const HOOK = Symbol.for("moorline.host");

export interface Hooked {
	/** @param create makes the platform's own */
	[HOOK]?: ((create: () => Host) => Host) | undefined;
}

export function hook(create: () => Host): Host {
	const between = (globalThis as Hooked)[HOOK];
	return between === undefined ? create() : between(create);
}

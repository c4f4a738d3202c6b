// SPDX-License-Identifier: Apache-2.0
/**
 * `moorline/host` on Node: the device whose directory the environment names.
 *
 * MOORLINE_DIRECTORY: where the device keeps what it keeps; else `.moorline` in the working directory.
 * MOORLINE_RESET_REASON: why it starts, told by whoever supervises it; else it was switched on.
 * MOORLINE_SLOT: bytes of each of its two slots, where the supervisor runs images; else it has none.
 */
import type { ResetReason } from "../../src/host.js";
import { watchForCrash } from "./crash.js";
import { hook } from "./hook.js";
import { createHost } from "./host.js";

const RESET_REASONS: readonly ResetReason[] = Object.freeze(["power-on", "software", "watchdog", "exception", "brownout", "deep-sleep"]);

const told = process.env["MOORLINE_RESET_REASON"];
const slot = process.env["MOORLINE_SLOT"];

export { createHost, PARTITIONS, type HostOptions } from "./host.js";
export { BootLoader, SLOT } from "./images.js";
export { RESTART_EXIT_CODE } from "./system.js";

export default hook(() => {
	const directory = process.env["MOORLINE_DIRECTORY"] || ".moorline";
	const host = createHost({
		directory,
		resetReason: told === undefined ? "power-on" : RESET_REASONS.find(reason => reason === told) ?? "unknown",
		images: slot ? { slot: Number(slot) } : undefined,
	});
	// A crash is that of the run before this one, whether the program asks for it or not.
	void host.system.crash;
	watchForCrash(directory);
	return host;
});

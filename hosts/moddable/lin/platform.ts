// SPDX-License-Identifier: Apache-2.0
/**
 * The simulator on Linux: C functions of the system where Moddable's simulator has none, or only pretends.
 *
 * A boot loader may run before the simulator, in the process that starts it, and leave its partitions in the directory;
 * without them the device has its one program. What is in an image is that process's business: the simulator runs what it
 * was given.
 */
import FFI from "mc/ffi";
import type { FlashPartition } from "../../../src/host.js";
import { createImageFlash, createImages, runningSlot, type RunningPlatform } from "../../boot/index.js";
import { crypto } from "../digest.js";
import type { Platform } from "../platform.js";
import { flash, hasBootLoader } from "./flash.js";
import { pathOf, readFile, replaceFile } from "./files.js";
import { Socket } from "./socket.js";
import { storage } from "./storage.js";

/** How a program that restarts itself ends (EX_TEMPFAIL of sysexits.h), as on the Node host. */
const RESTART_EXIT_CODE = 75;
const CLOCK_MONOTONIC = 1;
/** As long as a MAC address. */
const IDENTIFIER_LENGTH = 6;

/** Made at run time: a preloaded module cannot hold a native object. */
let functions: FFI | undefined;

function natives(): FFI {
	return functions ??= new FFI();
}

/** When the device booted, on a clock that began with the computer: a trial is counted from the boot. */
let booted: number | undefined;

/** The slot that was chosen at this boot: activating another one does not change it. */
let running: RunningPlatform | undefined;

function getRunning(): RunningPlatform | undefined {
	if (running === undefined && hasBootLoader()) {
		running = { flash, crypto, slot: runningSlot({ flash, crypto }), restart: () => platform.system.restart() };
	}
	return running;
}

function random(target: Uint8Array): void {
	// The simulator's own generators give the same numbers in each run.
	const bytes = new ArrayBuffer(target.byteLength);
	natives().getrandom(bytes, bytes.byteLength, 0);
	target.set(new Uint8Array(bytes));
}

const platform: Platform = Object.freeze({
	Socket,
	storage,
	flash: Object.freeze({
		open(options: { path: string }): FlashPartition {
			const device = getRunning();
			return (device === undefined ? flash : createImageFlash(device)).open(options);
		},
	}),
	get images() {
		const device = getRunning();
		return device && createImages(device);
	},
	random,
	now(): number {
		// The simulator's ticks are its wall clock. Here: struct timespec, with 64 bits for each member.
		const timespec = new Uint32Array(4);
		natives().clock_gettime(CLOCK_MONOTONIC, timespec.buffer);
		const now = timespec[0]! * 1000 + Math.floor(timespec[2]! / 1e6);
		return now - (booted ??= now);
	},
	get directory() { return pathOf(); },
	system: Object.freeze({
		restart: () => natives()._exit(RESTART_EXIT_CODE),
		resetReason: "power-on",
		/** The directory stands for the chip, so its identifier is made once and kept in it. */
		get identifier(): string {
			const kept = readFile(pathOf("identifier"));
			if (kept !== undefined) return String.fromCharCode(...kept);
			const bytes = new Uint8Array(IDENTIFIER_LENGTH);
			random(bytes);
			const made = Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
			replaceFile(pathOf(), "identifier", new Uint8Array(ArrayBuffer.fromString(made)));
			return made;
		},
	}),
});

export default platform;

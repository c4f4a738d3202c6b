// SPDX-License-Identifier: Apache-2.0
/**
 * The host of the XS engine: the shapes of src/host.ts over the C host in hosts/xs/native.
 *
 * Runs inside the engine only. Modules here are preloaded: their scope holds constants, and nothing
 * native is called before the program runs.
 */
import { DeviceError } from "../../src/base/error.js";
import type { Clocks, Crash, Heap, Host, ResetReason, System, TimerHandle, Timers, WebSocketOptions } from "../../src/host.js";
import { WebSocketClient } from "../websocket/client.js";
import { createImageFlash, createImages, OTADATA, parseCrash, runningSlot, type RunningPlatform } from "../boot/index.js";
import { checkFunction } from "./check.js";
import { keys } from "./keys.js";
import { Figure, native } from "./native.js";
import { Resolver } from "./resolver.js";
import { partitions, storage } from "./storage.js";
import { TCP, TLS } from "./stream.js";
import { crypto, text } from "./text.js";
import { UDP } from "./udp.js";

const DELAY_MAXIMUM = 2 ** 31 - 1;

function checkDelay(delay: number, minimum: number): void {
	if (!(delay >= minimum && delay <= DELAY_MAXIMUM)) {
		throw new DeviceError("argument", `delay ${delay} is not in ${minimum} to ${DELAY_MAXIMUM} ms`);
	}
}

const timer: Timers = Object.freeze({
	set(callback: () => void, delay: number): TimerHandle {
		checkFunction(callback, "callback");
		checkDelay(delay, 0);
		return native.timerSet(callback, delay, 0);
	},
	repeat(callback: () => void, interval: number): TimerHandle {
		checkFunction(callback, "callback");
		checkDelay(interval, 1);
		return native.timerSet(callback, interval, interval);
	},
	clear: (handle: TimerHandle | undefined): void => native.timerClear(handle),
});

const time: Clocks = Object.freeze({
	now: (): number => native.now(),
	wall: (): number => Date.now(),
});

let retained: Uint8Array | undefined;

const system: System = Object.freeze({
	restart: (): void => native.restart(),
	get resetReason(): ResetReason { return native.resetReason() as ResetReason; },
	get identifier(): string { return native.identifier(); },
	get crash(): Crash | undefined {
		const text = native.crash();
		return text === undefined ? undefined : parseCrash(text);
	},
	get retained(): Uint8Array { return retained ??= new Uint8Array(native.retained()); },
	/** Collects first: what the figures count is alive. */
	heap(): Heap {
		native.collect();
		const slot = native.figure(Figure.slotBytes);
		return {
			slots: native.figure(Figure.slots) * slot, chunks: native.figure(Figure.chunks),
			slotsPeak: native.figure(Figure.slotsPeak) * slot, chunksPeak: native.figure(Figure.chunksPeak),
			collections: native.figure(Figure.collections),
		};
	},
});

const platform = Object.freeze({
	tcp: Object.freeze({ io: TCP }),
	tls: Object.freeze({ io: TLS }),
	timer,
	random: (target: Uint8Array): void => native.random(target),
	text,
	crypto,
});

/** The boot loader ran before the process began: its choice is read from the flash again, as nothing can be kept here. */
export const running: RunningPlatform = Object.freeze({
	flash: partitions,
	crypto,
	get slot() { return runningSlot(running); },
	restart: (): void => system.restart(),
});

const images = createImages(running);

class WebSocket extends WebSocketClient {
	constructor(options: WebSocketOptions) {
		super(options, platform);
	}
}

export const host: Host = Object.freeze({
	...platform,
	name: "xs",
	websocket: Object.freeze({ io: WebSocket }),
	udp: Object.freeze({ io: UDP }),
	dtls: undefined,
	dns: Object.freeze({ io: Resolver }),
	keys,
	get images() { return native.flashOpen(OTADATA) < 0 ? undefined : images; },
	storage,
	flash: createImageFlash(running),
	time,
	system,
	trace: (line: string): void => native.trace(line),
});

export default host;

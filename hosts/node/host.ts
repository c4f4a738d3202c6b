// SPDX-License-Identifier: Apache-2.0
/**
 * The Node host: a device program on a laptop, in CI or against real servers, over real sockets and files.
 *
 * The shapes are those of src/host.ts; the windows and limits are those of an ESP32-S3 where Node has none.
 */
import { randomFillSync } from "node:crypto";
import { resolve } from "node:path";
import { DeviceError } from "../../src/base/error.js";
import type { Host, ResetReason } from "../../src/host.js";
import { createImageFlash, createImages, imagePartitions, runningSlot } from "../boot/index.js";
import { checkBytes, checkName, isIntegerIn } from "./check.js";
import { crypto } from "./digest.js";
import { DNS } from "./dns.js";
import { DTLS } from "./dtls.js";
import { BLOCK_LENGTH, createFlash } from "./flash.js";
import { keys } from "./keys.js";
import { Sessions } from "./sessions.js";
import { createStorage } from "./storage.js";
import { createSystem } from "./system.js";
import { TCP } from "./tcp.js";
import { text } from "./text.js";
import { time, timer } from "./time.js";
import { tlsClass } from "./tls.js";
import { UDP } from "./udp.js";
import { webSocketClass } from "./websocket.js";

/** The flash partitions of a device unless `createHost` is told otherwise: bytes by name. */
export const PARTITIONS: Readonly<Record<string, number>> = Object.freeze({ session: 65_536, state: 65_536 });
/** No chip that Moddable runs on has more flash. */
const PARTITION_MAXIMUM = 2 ** 25;

export interface HostOptions {
	/** Where storage, flash and the identifier live; made when first written to. One device, one directory. */
	directory: string;
	/** Flash partitions: bytes by name, each a multiple of the block length 4096. Default: PARTITIONS. */
	partitions?: Readonly<Record<string, number>> | undefined;
	/**
	 * Two slots for images, as `BootLoader` of the same directory chose between them; it ran before. Default: none, and
	 * `host.images` is `undefined`.
	 */
	images?: {
		/** Bytes of each, a multiple of 4096. */
		slot: number;
	} | undefined;
	/** Takes the lines of `trace`. Default: standard output. */
	trace?: ((line: string) => void) | undefined;
	/** Replaces the end of the process with exit code 75 when the program restarts the device. */
	onRestart?: (() => void) | undefined;
	/** What the program is told. Default: "power-on". */
	resetReason?: ResetReason | undefined;
}

export function createHost(options: HostOptions): Host {
	const { directory, trace = line => console.log(line), onRestart, resetReason = "power-on" } = options;
	if (typeof directory !== "string" || directory.length === 0) throw new DeviceError("argument", "a host needs a directory");
	// The program may change its working directory later; the device stays where it is.
	const place = resolve(directory);
	const partitions = { ...options.partitions ?? PARTITIONS, ...options.images && imagePartitions(options.images.slot) };
	for (const [name, size] of Object.entries(partitions)) {
		checkName("the name of a flash partition", name);
		if (!isIntegerIn(size, BLOCK_LENGTH, PARTITION_MAXIMUM) || size % BLOCK_LENGTH !== 0) {
			throw new DeviceError("argument", `partition ${name} of ${size} bytes; allowed are multiples of ${BLOCK_LENGTH} up to ${PARTITION_MAXIMUM}`);
		}
	}
	const sessions = new Sessions();
	const flash = createFlash(place, partitions), system = createSystem({ directory: place, resetReason, onRestart });
	const running = options.images && { flash, crypto, slot: runningSlot({ flash, crypto }), restart: () => system.restart() };
	return Object.freeze({
		name: "node",
		tcp: { io: TCP },
		tls: { io: tlsClass(sessions) },
		websocket: { io: webSocketClass(sessions) },
		udp: { io: UDP },
		dtls: { io: DTLS },
		dns: { io: DNS },
		storage: createStorage(place),
		flash: running === undefined ? flash : createImageFlash(running),
		timer,
		time,
		random(target: Uint8Array): void {
			checkBytes("the target of random", target);
			randomFillSync(target);
		},
		text,
		crypto,
		keys,
		images: running && createImages(running),
		system,
		trace,
	} satisfies Host);
}

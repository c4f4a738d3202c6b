// SPDX-License-Identifier: Apache-2.0
/**
 * `moorline/host` on Moddable: the platform as it runs on an ESP32, and in Moddable's simulator on Linux.
 *
 * Preloaded, so nothing here may run native code or hold state when it is imported.
 */
import Instrumentation from "instrumentation";
import platform from "moddable:moorline/platform";
import type { Host, System, WebSocketOptions } from "../../src/host.js";
import { WebSocketClient } from "../websocket/client.js";
import { checkBytes } from "./check.js";
import { getCrash, getRetained } from "./crash.js";
import { crypto } from "./digest.js";
import { DNS } from "./dns.js";
import { keys } from "./keys.js";
import { TCP } from "./tcp.js";
import { text } from "./text.js";
import { time, timer } from "./time.js";
import { TLS } from "./tls.js";
import { UDP } from "./udp.js";

const system: System = Object.freeze({
	restart: () => platform.system.restart(),
	get resetReason() { return platform.system.resetReason; },
	get identifier() { return platform.system.identifier; },
	get crash() { return getCrash(); },
	get retained() { return getRetained(); },
	heap(): { slots: number; chunks: number } | undefined {
		const slots = figure("XS Slot Heap Used");
		const chunks = figure("XS Chunk Heap Used");
		return slots === undefined || chunks === undefined ? undefined : { slots, chunks };
	},
});

/** Only builds with instrumentation have figures. */
function figure(name: string): number | undefined {
	const index = Instrumentation.map(name);
	return index === undefined ? undefined : Instrumentation.get(index);
}

const parts = Object.freeze({
	tcp: Object.freeze({ io: TCP }),
	tls: Object.freeze({ io: TLS }),
	timer,
	random(target: Uint8Array): void {
		checkBytes(target);
		platform.random(target);
	},
	text,
	crypto,
});

/**
 * The client of all our hosts but Node's, over our own streams: what a server may send, and what ends a stream, is then
 * the same on every one of them.
 */
class WebSocket extends WebSocketClient {
	constructor(options: WebSocketOptions) {
		super(options, parts);
	}
}

const host: Host = Object.freeze({
	...parts,
	name: "moddable",
	websocket: Object.freeze({ io: WebSocket }),
	udp: Object.freeze({ io: UDP }),
	dtls: undefined,
	dns: Object.freeze({ io: DNS }),
	keys,
	get images() { return platform.images; },
	storage: platform.storage,
	flash: platform.flash,
	time,
	system,
	trace: (line: string) => trace(line, "\n"),
});

export default host;

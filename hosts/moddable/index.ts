// SPDX-License-Identifier: Apache-2.0
/**
 * `moorline/host` on Moddable: the platform as it runs on an ESP32, and in Moddable's simulator on Linux.
 *
 * Preloaded, so nothing here may run native code or hold state when it is imported.
 */
import Instrumentation from "instrumentation";
import platform from "moddable:moorline/platform";
import type { Host, System } from "../../src/host.js";
import { checkBytes } from "./check.js";
import { crypto } from "./digest.js";
import { DNS } from "./dns.js";
import { TCP } from "./tcp.js";
import { text } from "./text.js";
import { time, timer } from "./time.js";
import { TLS } from "./tls.js";
import { UDP } from "./udp.js";

const system: System = Object.freeze({
	restart: () => platform.system.restart(),
	get resetReason() { return platform.system.resetReason; },
	get identifier() { return platform.system.identifier; },
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

const host: Host = Object.freeze({
	name: "moddable",
	tcp: Object.freeze({ io: TCP }),
	tls: Object.freeze({ io: TLS }),
	udp: Object.freeze({ io: UDP }),
	dns: Object.freeze({ io: DNS }),
	storage: platform.storage,
	flash: platform.flash,
	timer,
	time,
	random(target: Uint8Array): void {
		checkBytes(target);
		platform.random(target);
	},
	text,
	crypto,
	system,
	trace: (line: string) => trace(line, "\n"),
});

export default host;

// SPDX-License-Identifier: Apache-2.0
/**
 * The promises that every host keeps, as `src/host.ts` makes them, written once for all platforms.
 *
 * A promise needs only `Bench` and assertions: a platform without `node:test` can walk through `promises` itself.
 */
import { describe, it } from "node:test";
import { Bench, secureWebSocketLink, tcpLink, tlsLink, webSocketLink, type HostPromise } from "./bench.js";
import type { Platform } from "./platform.js";
import { cipherPromises } from "./promises/cipher.js";
import { digestPromises, randomPromises } from "./promises/crypto.js";
import { dnsPromises } from "./promises/dns.js";
import { flashPromises } from "./promises/flash.js";
import { imagePromises } from "./promises/images.js";
import { keyPromises } from "./promises/keys.js";
import { storagePromises } from "./promises/storage.js";
import { streamPromises } from "./promises/stream.js";
import { systemPromises } from "./promises/system.js";
import { tcpPromises } from "./promises/tcp.js";
import { textPromises } from "./promises/text.js";
import { clockPromises, timerPromises } from "./promises/time.js";
import { refusalPromises, tlsPromises } from "./promises/tls.js";
import { udpPromises } from "./promises/udp.js";
import { webSocketPromises } from "./promises/websocket.js";
import { openingPromises, secureWebSocketPromises } from "./promises/websocket-opening.js";

/** Real time for one promise; none waits for time itself. */
const TIMEOUT = 30_000;

export const promises: Readonly<Record<string, readonly HostPromise[]>> = {
	"tcp": [...streamPromises(tcpLink), ...tcpPromises],
	"tls": [...streamPromises(tlsLink), ...tlsPromises, ...refusalPromises],
	"websocket": [...streamPromises(webSocketLink), ...openingPromises, ...webSocketPromises],
	"secure websocket": [...streamPromises(secureWebSocketLink), ...secureWebSocketPromises],
	"udp": udpPromises,
	"dns": dnsPromises,
	"timer": timerPromises,
	"time": clockPromises,
	"storage": storagePromises,
	"flash": flashPromises,
	"images": imagePromises,
	"text": textPromises,
	"crypto": [...digestPromises, ...cipherPromises],
	"keys": keyPromises,
	"random": randomPromises,
	"system": systemPromises,
};

/** Registers every promise as a test of `platform`. @param isMeant false for shapes that it need not be held to */
export function holdToPromises(platform: Platform, isMeant: (shape: string) => boolean = () => true): void {
	for (const [shape, list] of Object.entries(promises)) {
		if (!isMeant(shape)) continue;
		describe(`${platform.name}: ${shape}`, { skip: lackOf(platform, shape) ?? false }, () => {
			for (const { name, run } of list) it(name, { timeout: TIMEOUT }, () => keep(platform, run));
		});
	}
}

function lackOf({ tls, images }: Platform, shape: string): string | undefined {
	if (shape === "tls" || shape === "secure websocket") return tls === undefined ? "the platform brings no TLS" : undefined;
	return shape === "images" && images === undefined ? "the platform has one image" : undefined;
}

async function keep(platform: Platform, run: HostPromise["run"]): Promise<void> {
	const bench = new Bench(platform);
	try {
		await run(bench);
	} finally {
		bench.end();
	}
}

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { FirmwareFiles, type FirmwareFault } from "../../hosts/simulator/firmware.js";
import { serveFirmwareInWorld, type WorldFirmwareOptions } from "../../hosts/simulator/firmware-world.js";
import { createWorld, type Device, type World } from "../../hosts/world/index.js";
import { HTTPSSource } from "../../src/ota/https.js";
import { BLOCK_LENGTH } from "../../src/ota/source.js";
import { Fetch, type FetchOptions } from "../unit/http/fetch.js";
import { releaseArrives } from "./http.js";

/** Fewer where a run costs more: the test of the engine brings its own number. */
const SEEDS = Number((globalThis as { SEEDS?: number }).SEEDS ?? 60);
const BLOCKS = 6;
const file = Uint8Array.from({ length: BLOCKS * BLOCK_LENGTH }, (_, index) => index * 31 + (index >> 8) & 0xff);

test(`${SEEDS} seeds of resets, losses, refusals and power cuts, and the release arrives as it was`, () => {
	const failures: Record<string, number> = {};
	let boots = 0, requests = 0;
	for (let seed = 1; seed <= SEEDS; seed++) {
		const outcome = releaseArrives(seed);
		boots += outcome.boots;
		requests += outcome.requests;
		for (const [code, count] of Object.entries(outcome.failures)) failures[code] = (failures[code] ?? 0) + count;
	}
	// The trouble is real.
	const seen = JSON.stringify({ boots, requests, failures });
	assert.ok(boots > 2 * SEEDS && requests > 6 * SEEDS, seen);
	assert.ok((failures["closed"] ?? 0) > 2 * SEEDS && (failures["rejected"] ?? 0) > SEEDS / 2 && (failures["timeout"] ?? 0) > 0, seen);
});

test("the same seed gives the same run, and another seed another", () => {
	const first = releaseArrives(7);
	assert.deepEqual(releaseArrives(7), first);
	assert.notEqual(releaseArrives(8).fingerprint, first.fingerprint);
});

interface Scene {
	world: World;
	device: Device;
	firmware: FirmwareFiles;
	url: string;
}

function scene(options?: WorldFirmwareOptions): Scene {
	const world = createWorld({ seed: 1 });
	const firmware = new FirmwareFiles();
	serveFirmwareInWorld(firmware, world, options);
	const device = world.device({ id: "lamp", program() {} });
	world.run(() => device.running);
	return { world, device, firmware, url: firmware.put("lamp.mrl", file) };
}

function fetchIn({ world, device: { host }, url }: Scene, options: Partial<FetchOptions> & { plain?: boolean } = {}): Fetch {
	const { timer } = host, { plain = false } = options;
	const source = options.source ?? new HTTPSSource(host, url, { anchors: [world.authority.certificate], plain });
	const fetch = new Fetch({ timer, end: file.byteLength, failures: 1, ...options, source });
	world.run(() => fetch.over, { within: 600_000 });
	return fetch;
}

/** Why it was given up. */
function verdictOf(fault: FirmwareFault, times = 1, options: Partial<FetchOptions> = {}): unknown {
	const place = scene();
	place.firmware.fail(fault, times);
	const { failures, received, complete } = fetchIn(place, options);
	if (complete) return "complete";
	assert.equal(received, 0, "nothing was handed on that would have to be taken back");
	return (failures[0] as unknown as { reason?: string }).reason ?? failures[0]!.code;
}

test("what a server does wrong has its name, before a byte of the file is handed on", () => {
	const offset = BLOCK_LENGTH;
	assert.equal(verdictOf({ ignoreRange: true }, 1, { offset }), "range-ignored");
	assert.equal(verdictOf({ wrongRange: true }), "range-ignored");
	assert.equal(verdictOf({ missing: 1 }), "violation");
	assert.equal(verdictOf({ status: 404 }), "not-found");
	assert.equal(verdictOf({ status: 403 }), "forbidden");
	assert.equal(verdictOf({ status: 503, retryAfter: 1 }), "rejected");
	assert.equal(verdictOf({ location: "/firmware/lamp.mrl" }, Infinity), "redirects");
	assert.equal(verdictOf({ location: "http://firmware.test/firmware/lamp.mrl" }), "redirects");
	assert.equal(verdictOf({ location: "https://nowhere.test/" }), "unreachable");
	assert.equal(verdictOf({}, 1, { end: 2 * file.byteLength }), "truncated");
	assert.equal(verdictOf({}, 1, { offset: file.byteLength, end: 2 * file.byteLength }), "truncated");
	for (const fine of [{}, { ignoreRange: true }, { chunked: true }, { location: "lamp.mrl?x" }, { trickle: { count: 700, interval: 90 } }]) {
		assert.equal(verdictOf(fine), "complete", JSON.stringify(fine));
	}
});

test("a file that changes on the way is known as another", () => {
	const place = scene();
	place.firmware.fail({ resetAfter: 3 * BLOCK_LENGTH });
	const changed = fetchIn(place, { failures: 2, onBytes: () => { place.firmware.put("lamp.mrl", file.slice()); } });
	assert.deepEqual(changed.failures.map((error) => (error as unknown as { reason?: string }).reason ?? error.code), ["closed", "changed"]);
	assert.equal(changed.received, 3 * BLOCK_LENGTH, "of the other, nothing");
});

test("a server that asks for time is given it", () => {
	const place = scene();
	place.firmware.fail({ status: 503, retryAfter: 60 });
	const begun = place.world.clock.now;
	const { complete } = fetchIn(place, { failures: 2 });
	assert.ok(complete && place.world.clock.now - begun >= 60_000);
});

test("a server that says nothing more is given up after half a minute", () => {
	const place = scene();
	place.firmware.fail({ trickle: { count: 5_000, interval: 40_000 } });
	const { failures } = fetchIn(place);
	assert.deepEqual(failures.map(({ code }) => code), ["timeout"]);
});

test("a server whom nobody vouches for is given no request", () => {
	const place = scene();
	const stranger = place.world.createAuthority("stranger");
	const { failures } = fetchIn(place, { source: new HTTPSSource(place.device.host, place.url, { anchors: [stranger.certificate] }) });
	assert.deepEqual([failures.map(({ code }) => code), place.firmware.requests], [["tls"], []]);
});

test("plain HTTP is read where that is wanted", () => {
	const place = scene({ tls: false, port: 80 });
	assert.equal(place.url, "http://firmware.test:80/firmware/lamp.mrl");
	const fetch = fetchIn(place, { plain: true });
	assert.deepEqual(fetch.bytes, file);
});

// SPDX-License-Identifier: Apache-2.0
/** Which release is for which device, and when. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { admit, type DeviceFacts } from "../../../src/ota/admission.js";
import type { Manifest } from "../../../src/ota/manifest.js";
import { decode, fullDocument, leastDocument, reasonThrown } from "./release.js";

const FACTS: DeviceFacts = Object.freeze({
	product: "lamp", version: "1.3.0", former: "1.3.0", hardware: "lamp-2", counter: 7, wall: 1_790_000_000_000, provides: ["words-2", "words-3"],
});
const full = decode(fullDocument());

function verdict(facts: Partial<DeviceFacts>, manifest: Partial<Manifest> = {}): string {
	const former = facts.version ?? FACTS.former;
	return reasonThrown(() => admit({ ...full, ...manifest }, { ...FACTS, former, ...facts }));
}

describe("admit", () => {
	it("lets pass what fits", () => {
		assert.equal(verdict({}), "nothing");
		assert.equal(reasonThrown(() => admit(decode(leastDocument()), { ...FACTS, version: "0.9.0", former: "0.9.0", counter: 0, provides: [] })), "nothing");
	});

	it("refuses what is for others", () => {
		assert.equal(verdict({ product: "lamps" }), "product");
		assert.equal(verdict({ hardware: "lamp-3" }), "hardware");
		assert.equal(verdict({ hardware: "" }), "hardware");
		assert.equal(verdict({ hardware: "" }, { hardware: [] }), "nothing");
		assert.equal(verdict({ hardware: "lamp-3" }, { hardware: [] }), "nothing");
	});

	it("refuses what is not newer", () => {
		for (const version of ["1.4.3", "1.4.3+other", "1.4.4-alpha", "1.4.4", "2.0.0"]) assert.equal(verdict({ version }), "version", version);
		for (const version of ["1.4.3-rc.1", "1.4.2", "1.2.0"]) assert.equal(verdict({ version }), "nothing", version);
	});

	it("refuses what is not newer than the components that it replaces, whatever runs", () => {
		assert.equal(verdict({ former: "1.4.3", version: "1.3.0" }), "version");
		assert.equal(verdict({ former: "1.4.2", version: "3.0.0" }), "nothing");
		assert.equal(verdict({ former: "", version: "3.0.0" }), "nothing");
	});

	it("refuses an older security counter, however new the version", () => {
		assert.equal(verdict({ counter: 8 }), "counter");
		assert.equal(verdict({ counter: 8 }, { version: "9.0.0" }), "counter");
		assert.equal(verdict({ counter: 6 }), "nothing");
	});

	it("refuses devices that are too old for it", () => {
		assert.equal(verdict({ version: "1.1.9" }), "minimum");
		assert.equal(verdict({ version: "1.2.0-rc.1" }), "minimum");
		assert.equal(verdict({ version: "0.0.1" }, { minimum: "" }), "nothing");
	});

	it("refuses what is expired, where it is known what time it is", () => {
		assert.equal(verdict({ wall: 1_800_000_000_001 }), "expired");
		assert.equal(verdict({ wall: 1_800_000_000_000 }), "nothing");
		assert.equal(verdict({ wall: undefined }), "nothing");
		assert.equal(verdict({ wall: Number.MAX_SAFE_INTEGER }, { expires: Infinity }), "nothing");
	});

	it("refuses components that the image does not fit", () => {
		const without = { components: full.components.filter(({ kind }) => kind !== "image") };
		assert.equal(verdict({ provides: ["words-3"] }, without), "compatibility");
		assert.equal(verdict({ provides: [] }, without), "compatibility");
		assert.equal(verdict({ provides: [] }), "nothing", "what comes with an image is that image's matter");
	});

	it("says malformed when the device's own version is none", () => {
		assert.equal(verdict({ version: "dev" }), "malformed");
	});
});

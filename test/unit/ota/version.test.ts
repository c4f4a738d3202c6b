// SPDX-License-Identifier: Apache-2.0
/** Versions: which texts are some, and which of two is newer. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareVersions, isVersion, VERSION_MAXIMUM } from "../../../src/ota/version.js";
import { reasonThrown } from "./release.js";

/** Each older than the next (SemVer 2.0.0 §11 among them). */
const ASCENDING = [
	"0.0.0", "0.0.1-0", "0.0.1", "0.1.0", "0.9.9", "0.10.0",
	"1.0.0-0", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-99999999999999999998", "1.0.0-99999999999999999999", "1.0.0-0a",
	"1.0.0-A", "1.0.0-Z", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.1.0", "1.0.0-alpha.beta", "1.0.0-alpha-", "1.0.0-beta",
	"1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1-a", "1.0.1", "2.0.0", "10.0.0",
	"9007199254740993.0.0", "9007199254740994.0.0", "99999999999999999999999.0.0",
];

describe("compareVersions", () => {
	it("orders versions", () => {
		for (const [index, version] of ASCENDING.entries()) {
			for (const [other, than] of ASCENDING.entries()) {
				assert.equal(Math.sign(compareVersions(version, than)), Math.sign(index - other), `${version} and ${than}`);
			}
		}
	});

	it("leaves metadata of the build aside", () => {
		assert.equal(compareVersions("1.0.0+a", "1.0.0+b.1"), 0);
		assert.equal(compareVersions("1.0.0", "1.0.0+20130313144700"), 0);
		assert.ok(compareVersions("1.0.0-rc.1+z", "1.0.0+a") < 0);
		assert.ok(compareVersions("1.0.0-rc.1+z", "1.0.0-rc.2") < 0);
	});

	it("throws for what is no version", () => {
		assert.equal(reasonThrown(() => compareVersions("1.0", "1.0.0")), "malformed");
		assert.equal(reasonThrown(() => compareVersions("1.0.0", "")), "malformed");
	});
});

describe("isVersion", () => {
	const good = [
		"1.2.3", "0.0.4", "1.1.2-prerelease+meta", "1.0.0-alpha0.valid", "1.0.0-0A.is.legal", "1.2.3----RC-SNAPSHOT.12.9.1--.12",
		"1.2.3----R-S.12.9.1--.12+meta", "1.0.0+0.build.1-rc.10000aaa-kk-0.1", "2.0.0+build.1848", "1.0.0-alpha+beta", "1.0.0+001",
		"99999999999999999999999.999999999999999999.99999999999999999", `1.0.0-${"a".repeat(VERSION_MAXIMUM - 6)}`, "1.0.0+-",
	];
	const bad = [
		"", "1", "1.2", "1.2.3.4", "1.2.3-", "1.2.3+", "1.2.3-+", "1.2.3-a..b", "1.2.3-.a", "1.2.3+a..b", "1.2.3+a+b", "1.2.3-01", "1.2.3-a.00",
		"01.2.3", "1.02.3", "1.2.03", "v1.2.3", " 1.2.3", "1.2.3 ", "1.2.3\n", "1..3", ".2.3", "1.2.", "-1.2.3", "+1.2.3", "1.2.3-a_b", "1.2.3-ä",
		"1.2.3+ä", "1,2,3", "1.2.x", "٣.0.0", "1.2.3-a\0", "1.0.0-0123.0123", "alpha", "1.1.2+.123", `1.0.0-${"a".repeat(VERSION_MAXIMUM - 5)}`,
	];
	it("knows versions", () => {
		for (const version of good) assert.ok(isVersion(version), version);
	});

	it("knows what is none", () => {
		for (const version of bad) assert.ok(!isVersion(version), JSON.stringify(version));
	});
});

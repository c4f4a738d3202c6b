// SPDX-License-Identifier: Apache-2.0
/** URLs of files, and where a redirect leads. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decimal, hexadecimal, parseContentRange } from "../../../src/http/number.js";
import { ANY, parseURL, resolveURL, SECURE, URL_MAXIMUM } from "../../../src/http/url.js";
import { codeOf } from "../failure.js";

test("parseURL finds what a connection and a request need", () => {
	assert.deepEqual(parseURL("HTTPS://a.example", SECURE), { scheme: "https", name: "a.example", port: 443, authority: "a.example", target: "/" });
	assert.deepEqual(parseURL("https://a:8443/b%20c/d.mrl?e=f/g&h=%2F#i", SECURE), {
		scheme: "https", name: "a", port: 8443, authority: "a:8443", target: "/b%20c/d.mrl?e=f/g&h=%2F",
	});
	assert.deepEqual(parseURL("http://[::1]:81?a=//b:c@d", ANY), { scheme: "http", name: "::1", port: 81, authority: "[::1]:81", target: "/?a=//b:c@d" });
	assert.equal(parseURL("https://a:443/", SECURE).authority, "a");
});

for (const [name, url] of [
	["another scheme", "ftp://a/b"], ["what is not secure", "http://a/b"], ["no name", "https:///b"], ["no scheme", "a/b"], ["nothing", ""],
	["a password", "https://a:b@c/d"], ["a user", "https://a@c/d"], ["a space", "https://a/b c"], ["a new line", "https://a/b\r\nX: y"],
	["what is not ASCII", "https://a/\xe4"], ["no port", "https://a:/b"], ["port 0", "https://a:0/b"], ["a port beyond", "https://a:65536/"],
	["too much", `https://a/${"b".repeat(URL_MAXIMUM)}`],
] as const) {
	test(`parseURL refuses ${name}`, () => { assert.equal(codeOf(() => parseURL(url, SECURE)), "argument"); });
}

test("parseURL takes a URL of the greatest length", () => {
	const url = `https://a/${"b".repeat(URL_MAXIMUM - 10)}`;
	assert.equal(parseURL(url, SECURE).target.length, URL_MAXIMUM - 9);
});

test("resolveURL goes where RFC 3986 §5.4 goes", () => {
	const base = parseURL("https://a/b/c/d;p?q", SECURE);
	for (const [reference, target] of [
		["g", "/b/c/g"], ["./g", "/b/c/g"], ["g/", "/b/c/g/"], ["/g", "/g"], ["?y", "/b/c/d;p?y"], ["g?y", "/b/c/g?y"], ["#s", "/b/c/d;p?q"],
		["g#s", "/b/c/g"], ["g?y#s", "/b/c/g?y"], [";x", "/b/c/;x"], ["g;x", "/b/c/g;x"], ["g;x?y#s", "/b/c/g;x?y"], ["", "/b/c/d;p?q"], [".", "/b/c/"],
		["./", "/b/c/"], ["..", "/b/"], ["../", "/b/"], ["../g", "/b/g"], ["../..", "/"], ["../../", "/"], ["../../g", "/g"], ["../../../g", "/g"],
		["../../../../g", "/g"], ["/./g", "/g"], ["/../g", "/g"], ["g.", "/b/c/g."], [".g", "/b/c/.g"], ["g..", "/b/c/g.."], ["..g", "/b/c/..g"],
		["./../g", "/b/g"], ["./g/.", "/b/c/g/"], ["g/./h", "/b/c/g/h"], ["g/../h", "/b/c/h"], ["g;x=1/./y", "/b/c/g;x=1/y"], ["g;x=1/../y", "/b/c/y"],
		["g?y/./x", "/b/c/g?y/./x"], ["g?y/../x", "/b/c/g?y/../x"], ["g#s/./x", "/b/c/g"], ["g#s/../x", "/b/c/g"],
	] as const) {
		const resolved = parseURL(resolveURL(base, reference), SECURE);
		assert.deepEqual([resolved.authority, resolved.target], ["a", target], reference);
	}
});

test("resolveURL leaves for other servers, and keeps the port of its own", () => {
	for (const [base, reference, authority, target] of [
		["https://a/b", "//g", "g", "/"], ["https://a/b", "//g:82/c?d", "g:82", "/c?d"], ["https://a/b", "https://g:81/c", "g:81", "/c"],
		["https://a:8443/", "g", "a:8443", "/g"], ["https://a:8443", "?y", "a:8443", "/?y"], ["https://a/b?c=/d/e", "g", "a", "/g"],
		["https://[::1]:8443/b/", "../c", "[::1]:8443", "/c"], ["https://a/b//", "../c", "a", "/b/c"],
	] as const) {
		const resolved = parseURL(resolveURL(parseURL(base, SECURE), reference), SECURE);
		assert.deepEqual([resolved.authority, resolved.target], [authority, target], `${reference} at ${base}`);
	}
});

test("numbers are digits and nothing else", () => {
	for (const [text, value] of [
		["0", 0], ["42", 42], ["9007199254740991", 2 ** 53 - 1], ["9007199254740992", -1], ["", -1], ["007", -1], ["1e3", -1], [" 1", -1], ["-0", -1],
		["NaN", -1], ["Infinity", -1], ["0x10", -1], ["1.0", -1],
	] as const) assert.equal(decimal(text), value, text);
	for (const [text, value] of [["0", 0], ["aF", 0xaf], ["0000ffff", 0xffff], ["ffffffff", 2 ** 32 - 1], ["", -1], ["-1", -1], ["0x1", -1], ["000000001", -1]] as const) {
		assert.equal(hexadecimal(text), value, text);
	}
});

test("parseContentRange takes ranges of bytes that can be", () => {
	assert.deepEqual(parseContentRange("bytes 0-0/1"), { first: 0, last: 0, total: 1 });
	assert.deepEqual(parseContentRange("bytes 4096-8191/*"), { first: 4096, last: 8191, total: -1 });
	assert.deepEqual(parseContentRange("bytes */8192"), { first: -1, last: -1, total: 8192 });
	for (const text of ["", "bytes", "bytes 0-0", "items 0-0/1", "bytes 1-0/2", "bytes 0-1/1", "bytes 0-/1", "bytes -1/2", "bytes */*", "bytes 0-0/", "bytes=0-0/1", "bytes 0-0/1 "]) {
		assert.equal(parseContentRange(text), undefined, text);
	}
});

// SPDX-License-Identifier: Apache-2.0
/** URIs, taken apart and put together (RFC 7252 §6.4, §6.5, RFC 8323 §8). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { OptionNumber } from "../../../src/coap/constants.js";
import { formatURI, isAddress, parseURI, PORTS, uriOptions, URI_MAXIMUM } from "../../../src/coap/uri.js";
import vectors from "../../vectors/coap-messages.json" with { type: "json" };
import { codeOf } from "../failure.js";
import { text } from "../text.js";

function parts(uri: string): string {
	const { scheme, name, port, path, query } = parseURI(text, uri);
	return [scheme, name, port, JSON.stringify(path), JSON.stringify(query)].join(" ");
}

function refused(...uris: string[]): void {
	for (const uri of uris) assert.equal(codeOf(() => parseURI(text, uri)), "argument", uri);
}

test("the URIs of RFC 7252 Appendix B are taken apart into their options, and put together again", () => {
	const { cases } = vectors.uriExamples as unknown as { cases: { ip: string; port: number; options: [string, string][]; uri: string }[] };
	assert.equal(cases.length, 5);
	for (const { ip, port, options, uri } of cases) {
		const parsed = parseURI(text, uri);
		const names: Record<number, string> = { [OptionNumber.URI_HOST]: "Uri-Host", [OptionNumber.URI_PATH]: "Uri-Path", [OptionNumber.URI_QUERY]: "Uri-Query" };
		assert.deepEqual(uriOptions(text, parsed).map(({ number, value }) => [names[number], text.decode(value, 0, value.byteLength)]), options);
		assert.equal(parsed.port, port);
		const valuesOf = (name: string) => options.filter(([of]) => of === name).map(([, value]) => value);
		const name = valuesOf("Uri-Host")[0] ?? ip.replace("[", "").replace("]", "");
		assert.equal(formatURI(text, { scheme: "coap", name, port, path: valuesOf("Uri-Path"), query: valuesOf("Uri-Query") }), uri);
	}
});

test("each scheme has its port", () => {
	assert.deepEqual(Object.keys(PORTS).map(scheme => parts(`${scheme}://a.example`)), [
		"coap a.example 5683 [] []", "coaps a.example 5684 [] []", "coap+tcp a.example 5683 [] []",
		"coaps+tcp a.example 5684 [] []", "coap+ws a.example 80 [] []", "coaps+ws a.example 443 [] []",
	]);
	for (const scheme of Object.keys(PORTS)) assert.equal(formatURI(text, parseURI(text, `${scheme}://a.example`)), `${scheme}://a.example/`);
});

test("URIs that are the same are taken apart in the same way (§6.3)", () => {
	for (const uri of [
		"coap://example.com:5683/~sensors/temp.xml", "coap://EXAMPLE.com/%7Esensors/temp.xml", "coap://EXAMPLE.com:/%7esensors/temp.xml",
		"COAP://ex%61mple.com/./x/../~sensors/temp.xml",
	]) assert.equal(parts(uri), "coap example.com 5683 [\"~sensors\",\"temp.xml\"] []");
});

test("the root has no segments, and a slash at the end makes an empty one", () => {
	assert.equal(parts("coap://a"), "coap a 5683 [] []");
	assert.equal(parts("coap://a/"), "coap a 5683 [] []");
	assert.equal(parts("coap://a/b/"), "coap a 5683 [\"b\",\"\"] []");
	assert.equal(parts("coap://a//"), "coap a 5683 [\"\",\"\"] []");
	assert.equal(parts("coap://a?b"), "coap a 5683 [] [\"b\"]");
	assert.equal(parts("coap://a/?"), "coap a 5683 [] [\"\"]");
	assert.equal(parts("coap://a/?b&&c=d/e?f"), "coap a 5683 [] [\"b\",\"\",\"c=d/e?f\"]");
});

test("dots are followed, and never become options (RFC 3986 §5.2.4, RFC 7252 §5.10.1)", () => {
	for (const [path, segments] of [
		["/a/b/../c", ["a", "c"]], ["/../../a", ["a"]], ["/a/.", ["a", ""]], ["/a/b/..", ["a", ""]], ["/a/..", []], ["/.", []], ["/a/%2e%2E/b", ["b"]],
	] as const) assert.deepEqual(parseURI(text, `coap://a${path}`).path, segments, path);
});

test("addresses are told from names, and go without Uri-Host", () => {
	for (const name of ["1.2.3.4", "255.255.255.255", "::1", "2001:db8::2:1"]) assert.ok(isAddress(name), name);
	for (const name of ["1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4.5", "1.2.3.x", "a.example", ""]) assert.ok(!isAddress(name), name);
	assert.equal(parts("coap+tcp://[2001:DB8::1]:61616/a"), "coap+tcp 2001:db8::1 61616 [\"a\"] []");
	assert.equal(formatURI(text, parseURI(text, "coap://[::1]:1/")), "coap://[::1]:1/");
});

test("what a part may not hold is encoded in UTF-8, and decoded", () => {
	const all = { scheme: "coap", name: "a b", port: 1, path: ["/?#[]@:&=%", "é€😀", "azAZ09-._~!$'()*+,;="], query: ["/?:@&=#", "é", "a=1"] };
	const uri = formatURI(text, all);
	assert.equal(uri, "coap://a%20b:1/%2F%3F%23%5B%5D@:&=%25/%C3%A9%E2%82%AC%F0%9F%98%80/azAZ09-._~!$'()*+,;=?%2F?:@%26=%23&%C3%A9&a=1");
	assert.deepEqual(parseURI(text, uri), all);
});

test("what is no URI of ours is refused", () => {
	refused("", "a", "/a", "coap:", "coap://", "coap:///a", "http://a/", "mqtt://a/", "coap//a/", "coap:/a/b", "://a", "coap://:5683/");
	refused("coap://a:0/", "coap://a:65536/", "coap://a:x/", "coap://a:5683x/", "coap://a:05683", "coap://[::1", "coap://[::1]x/", "coap://u@a/", "coap://a:b@c/");
	refused("coap://a/#b", "coap://a/b c", "coap://a/\n", "coap://a/é", "coap://a/\u{7f}");
	refused("coap://a/%", "coap://a/%4", "coap://a/%4g", "coap://a/%%41", "coap://a/%ff", "coap://a/%c3", "coap://a/?%c3", "coap://a/%41%4");
	refused(null as never, undefined as never, 5 as never);
});

test("parts and URIs are bounded (§5.10)", () => {
	const part = "a".repeat(255);
	assert.deepEqual(parseURI(text, `coap://a/${part}?${part}`).path, [part]);
	refused(`coap://a/${part}a`, `coap://a/?${part}a`, `coap://a/${"%C3%A9".repeat(128)}`, `coap://${part}a/`);
	const long = `coap://a/${"b/".repeat(URI_MAXIMUM)}`;
	assert.equal(parseURI(text, long.slice(0, URI_MAXIMUM)).query.length, 0);
	refused(long.slice(0, URI_MAXIMUM + 1));
});

// SPDX-License-Identifier: Apache-2.0
/** Lists of links: written, selected from and parsed (RFC 6690). */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
	ATTRIBUTE_MAXIMUM, filterLinks, findAttribute, formatLinks, LINK_MAXIMUM, parseLinks, type Link,
} from "../../../src/coap/link-format.js";
import { codeOf } from "../failure.js";

function link(target: string, attributes: Record<string, string | undefined> = {}): Link {
	return { target, attributes: Object.entries(attributes).map(([name, value]) => ({ name, value })) };
}

/** Of RFC 6690 §5 and RFC 7252 §7.2.1. */
const LISTS = [
	"</sensors>;ct=40;title=\"Sensor Index\",</sensors/temp>;rt=\"temperature-c\";if=\"sensor\",</sensors/light>;rt=\"light-lux\";if=\"sensor\","
	+ "<http://www.example.com/sensors/t123>;anchor=\"/sensors/temp\";rel=\"describedby\",</t>;anchor=\"/sensors/temp\";rel=\"alternate\"",
	"</firmware/v2.1>;rt=\"firmware\";sz=262144", "</a>;ct=\"0 50\";obs", "</>", "",
];
const links = parseLinks(LISTS[0]!);

function selected(...query: string[]): string[] {
	return filterLinks(links, query).map(({ target }) => target);
}

test("the lists of the RFCs are parsed, and written as they were", () => {
	assert.deepEqual(parseLinks(LISTS[0]!).slice(0, 2), [
		link("/sensors", { ct: "40", title: "Sensor Index" }), link("/sensors/temp", { rt: "temperature-c", if: "sensor" }),
	]);
	assert.deepEqual(parseLinks(LISTS[2]!), [link("/a", { ct: "0 50", obs: undefined })]);
	for (const list of LISTS) assert.equal(formatLinks(parseLinks(list)), list);
});

test("values without quotes are words, and in quotes anything", () => {
	assert.deepEqual(parseLinks("<a>;rt=x;if=;obs,<b,;>;title=\",;=<>\\\"\\\\\\a\""), [
		link("a", { rt: "x", if: "", obs: undefined }), link("b,;", { title: ",;=<>\"\\a" }),
	]);
	assert.deepEqual(parseLinks("<a>;title=\"\\\"\";a=b"), [link("a", { title: "\"", a: "b" })]);
	const strange = [link("/a", { title: "\"\\,;=<>", sz: "x", ct: "", rt: "1", "title*": "UTF-8'en'x" })];
	assert.deepEqual(parseLinks(formatLinks(strange)), strange);
});

test("findAttribute takes the first of a name", () => {
	const [{ attributes }] = parseLinks("<a>;rt=x;rt=y") as [Link];
	assert.equal(findAttribute(attributes, "rt")?.value, "x");
	assert.equal(findAttribute(attributes, "if"), undefined);
});

test("filterLinks selects by target and attribute, whole and by their beginning (§4.1)", () => {
	assert.deepEqual(selected(), links.map(({ target }) => target));
	assert.deepEqual(selected("rt=light-lux"), ["/sensors/light"]);
	assert.deepEqual(selected("anchor=/sensors/temp"), ["http://www.example.com/sensors/t123", "/t"]);
	assert.deepEqual(selected("if=sensor"), ["/sensors/temp", "/sensors/light"]);
	assert.deepEqual(selected("href=/sensors"), ["/sensors"]);
	assert.deepEqual(selected("href=/sensors*"), ["/sensors", "/sensors/temp", "/sensors/light"]);
	assert.deepEqual(selected("rt=temp*"), ["/sensors/temp"]);
	assert.deepEqual(selected("rt=*"), ["/sensors/temp", "/sensors/light"]);
	assert.deepEqual(selected("ct=40"), ["/sensors"]);
	assert.deepEqual(selected("title=Sensor Index"), ["/sensors"]);
	for (const none of ["rt=light", "rt=LIGHT-LUX", "foo=bar", "foo", "rt=", "href=sensors", "=", ""]) assert.deepEqual(selected(none), [], none);
	assert.deepEqual(selected("if=sensor", "rt=light-lux"), ["/sensors/light"]);
});

test("one of several values is enough, and a flag is selected by its name", () => {
	const several = [link("/a", { rt: "x yz", obs: undefined, sz: "10" }), link("/b c", { rt: "xy" })];
	const targets = (...query: string[]) => filterLinks(several, query).map(({ target }) => target);
	assert.deepEqual(targets("rt=x"), ["/a"]);
	assert.deepEqual(targets("rt=yz"), ["/a"]);
	assert.deepEqual(targets("rt=y*"), ["/a"]);
	assert.deepEqual(targets("rt=x*"), ["/a", "/b c"]);
	assert.deepEqual(targets("obs"), ["/a"]);
	assert.deepEqual(targets("sz=10"), ["/a"]);
	assert.deepEqual(targets("href=c"), [], "a target is one value");
});

test("what is no list is malformed", () => {
	for (const list of [
		"a", "<a", "<a>,", ",<a>", "<a>,,<b>", "<a>b", "<a><b>", "<a>;", "<a>;,<b>", "<a>;=x", "<a>;rt=\"x", "<a>;rt=\"x\\\"", "<a>;rt=\"x\\",
		"<a>;rt=\"x\"y", "<a>;r t=x", "<a> ;rt=x", " <a>", "<a>;\"rt\"=x",
	]) assert.equal(codeOf(() => parseLinks(list)), "malformed", list);
});

test("links and their attributes are bounded", () => {
	const list = (count: number) => Array.from({ length: count }, () => "<a>").join(",");
	assert.equal(parseLinks(list(LINK_MAXIMUM)).length, LINK_MAXIMUM);
	assert.equal(codeOf(() => parseLinks(list(LINK_MAXIMUM + 1))), "too-large");
	assert.equal(parseLinks(`<a>${";b".repeat(ATTRIBUTE_MAXIMUM)}`)[0]!.attributes.length, ATTRIBUTE_MAXIMUM);
	assert.equal(codeOf(() => parseLinks(`<a>${";b".repeat(ATTRIBUTE_MAXIMUM + 1)}`)), "too-large");
});

test("formatLinks refuses what would be read as something else", () => {
	for (const wrong of [link("/a>"), link("/a", { "": "x" }), link("/a", { "r t": "x" }), link("/a", { "a;b": undefined })]) {
		assert.equal(codeOf(() => formatLinks([wrong])), "argument");
	}
});

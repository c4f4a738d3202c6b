// SPDX-License-Identifier: Apache-2.0
/** Whatever is encoded is decoded to the same, however it is cut; and so are URIs and lists of links. */
import assert from "node:assert/strict";
import { filterLinks, formatLinks, parseLinks, type Link } from "../../src/coap/link-format.js";
import { formatURI, parseURI, PORTS } from "../../src/coap/uri.js";
import { decoded, encoded, shown, unframed } from "../unit/coap/encoding.js";
import { toHex } from "../unit/hex.js";
import { text } from "../unit/text.js";
import { anyDatagram, anyStreamMessage, carried, joined } from "./coap-codec.js";
import { property, type Random } from "./random.js";

const CHARACTERS = ["a", "Z", "0", "-", ".", "~", "/", "?", "#", "%", "&", "=", ":", "@", " ", "\"", "\\", ";", ",", "<", "é", "€", "😀", "\u{1}"];

function anyText(random: Random, maximum: number): string {
	return random.list(maximum, () => random.pick(CHARACTERS)).join("");
}

property("a datagram is decoded to what was encoded, and encoded to the same bytes", 300, random => {
	const message = anyDatagram(random), bytes = encoded(message), result = decoded(bytes);
	assert.ok(result !== undefined && !("error" in result));
	assert.deepEqual(shown(result), shown(message));
	assert.equal(toHex(encoded(result)), toHex(bytes));
});

property("a stream is decoded to what was encoded, however it is cut", 150, random => {
	for (const form of ["stream", "websocket"] as const) {
		const messages = random.list(6, () => anyStreamMessage(random));
		const bytes = joined(messages.flatMap(message => carried(random, form, message)));
		const expected = messages.map(shown);
		assert.deepEqual(unframed(form, bytes), expected);
		assert.deepEqual(unframed(form, bytes, 1), expected);
		assert.deepEqual(unframed(form, bytes, 1 + random.below(40)), expected);
	}
});

property("a URI is parsed to what was formatted", 300, random => {
	// No option holds dots, and a path of one empty segment is that of the root.
	const path = random.list(5, () => anyText(random, 8)).filter(segment => segment !== "." && segment !== "..");
	if (path.length === 1 && path[0] === "") path.pop();
	const uri = {
		scheme: random.pick(Object.keys(PORTS)), name: random.pick(["a.example", "1.2.3.4", "2001:db8::1", "x"]), port: 1 + random.below(65_535),
		path, query: random.list(4, () => anyText(random, 8)),
	};
	const formatted = formatURI(text, uri);
	assert.deepEqual(parseURI(text, formatted), uri);
	assert.equal(formatURI(text, parseURI(text, formatted)), formatted);
});

property("a list of links is parsed to what was formatted, and each link is selected by what it has", 300, random => {
	const links: Link[] = random.list(5, () => ({
		target: anyText(random, 8),
		attributes: random.list(4, () => ({ name: random.pick(["rt", "if", "ct", "sz", "title", "obs"]), value: random.once(4) ? undefined : anyText(random, 8) })),
	}));
	assert.deepEqual(parseLinks(formatLinks(links)), links);
	for (const link of links) {
		const { target, attributes } = link;
		const conditions = [`href=${target}`, `href=${target.slice(0, 2)}*`];
		for (const { name, value = "" } of attributes.slice(0, 1)) conditions.push(name, `${name}=${value}`);
		for (const condition of conditions) assert.ok(filterLinks(links, [condition]).includes(link), condition);
	}
});

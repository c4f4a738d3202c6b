// SPDX-License-Identifier: Apache-2.0
/** parseEndpoint: scheme, name and port, and nothing that could be taken for something else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEndpoint } from "../../../src/base/url.js";
import { codeOf } from "../failure.js";

const PORTS = { mqtt: 1883, mqtts: 8883 };

const ACCEPTED: readonly [url: string, scheme: string, name: string, port: number][] = [
	["mqtt://broker", "mqtt", "broker", 1883],
	["mqtts://broker.example.com", "mqtts", "broker.example.com", 8883],
	["mqtts://broker:1", "mqtts", "broker", 1],
	["mqtts://broker:65535/", "mqtts", "broker", 65535],
	["MQTTS://Broker", "mqtts", "Broker", 8883],
	["mqtt://127.0.0.1:1234", "mqtt", "127.0.0.1", 1234],
	["mqtt://[::1]", "mqtt", "::1", 1883],
	["mqtt://[fe80::1]:8", "mqtt", "fe80::1", 8],
];

test("parseEndpoint takes what is an endpoint", () => {
	for (const [url, scheme, name, port] of ACCEPTED) assert.deepEqual(parseEndpoint(url, PORTS), { scheme, name, port }, url);
});

const REFUSED = [
	"", "broker", "broker:1883", "//broker", "mqtt:/broker", "mqtt://", "mqtt://:1883", "http://broker", "mqtt://broker:",
	"mqtt://broker:0", "mqtt://broker:65536", "mqtt://broker:123456", "mqtt://broker:-1", "mqtt://broker:1e3",
	"mqtt://user@broker", "mqtt://user:secret@broker", "mqtt://::1", "mqtt://[::1", "mqtt://broker?x", "mqtt://broker#x",
	"constructor://broker", "__proto__://broker", " mqtt://broker", "mqtt://broker:1883:1",
];

test("parseEndpoint refuses all else", () => {
	for (const url of REFUSED) assert.equal(codeOf(() => parseEndpoint(url, PORTS)), "argument", url);
});

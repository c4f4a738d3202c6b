// SPDX-License-Identifier: Apache-2.0
/**
 * The cases of the CoAP plug tests (the descriptions of ETSI's and the IETF's events) that ask something of a client, and
 * where they are tried. `docs/coap.md` shows them; `test/statements` holds both to each other.
 */
import type { Statement } from "../statements/statement.js";

export const plugtest: readonly Statement[] = [
	{ id: "CORE_01", text: "GET as CON", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE ${ids}: GET, DELETE, PUT, POST, ${mode}"] },
	{ id: "CORE_02", text: "DELETE as CON", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE ${ids}: GET, DELETE, PUT, POST, ${mode}"] },
	{ id: "CORE_03", text: "PUT as CON", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE ${ids}: GET, DELETE, PUT, POST, ${mode}"] },
	{ id: "CORE_04", text: "POST as CON", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE ${ids}: GET, DELETE, PUT, POST, ${mode}"] },
	{ id: "CORE_05", text: "GET as NON", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE ${ids}: GET, DELETE, PUT, POST, ${mode}"] },
	{ id: "CORE_06", text: "DELETE as NON", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE ${ids}: GET, DELETE, PUT, POST, ${mode}"] },
	{ id: "CORE_07", text: "PUT as NON", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE ${ids}: GET, DELETE, PUT, POST, ${mode}"] },
	{ id: "CORE_08", text: "POST as NON", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE ${ids}: GET, DELETE, PUT, POST, ${mode}"] },
	{ id: "CORE_09", text: "a separate response", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE 09, 11: a separate response is acknowledged, and is found by its token"] },
	{ id: "CORE_10", text: "a token that is not empty", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE 10: each request has a token of its own"] },
	{ id: "CORE_11", text: "a token, and a separate response", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE 09, 11: a separate response is acknowledged, and is found by its token"] },
	{ id: "CORE_12", text: "an empty token", reason: "The client gives each request a token of eight bytes, which it never uses again." },
	{ id: "CORE_13", text: "several Uri-Path", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE 13, 14: several segments, and several queries"] },
	{ id: "CORE_14", text: "several Uri-Query", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE 13, 14: several segments, and several queries"] },
	{ id: "CORE_15", text: "losses, with piggybacked responses", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE 15: a lost request and a lost answer"] },
	{ id: "CORE_16", text: "losses, with delayed responses", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE 16: of a delayed answer each of the four messages lost"] },
	{ id: "CORE_17", text: "a separate response to NON", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE 17: a separate response to a request that is not confirmable"] },
	{ id: "CORE_18", text: "several Location-Path", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE 18, 19: where the new resource is: several segments, and several queries"] },
	{ id: "CORE_19", text: "several Location-Query", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE 18, 19: where the new resource is: several segments, and several queries"] },
	{ id: "CORE_20", text: "Accept", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE 20: the format that is wanted"] },
	{ id: "CORE_21", text: "ETag: 2.03", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE 21, 22: what has not changed is not sent again, and what has is not overwritten"] },
	{ id: "CORE_22", text: "If-Match: 2.04, then 4.12", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE 21, 22: what has not changed is not sent again, and what has is not overwritten"] },
	{ id: "CORE_23", text: "If-None-Match: 2.01, then 4.12", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE 23: what is there is not created again"] },
	{ id: "CORE_31", text: "ping", tests: ["test/interop/coap-plugtest.test.ts › plugtest: CORE 31: a ping is an empty message, and is answered by a reset"] },
	{ id: "BLOCK_01", text: "GET in blocks, early negotiation", tests: ["test/interop/coap-plugtest.test.ts › plugtest: BLOCK 01, 02: a large representation, the size of its blocks asked for early and late", "test/interop/coap-libcoap.test.ts › coap-libcoap: ${way.name}: a representation comes in blocks of every size, whole or one at a time"] },
	{ id: "BLOCK_02", text: "GET in blocks, late negotiation", tests: ["test/interop/coap-plugtest.test.ts › plugtest: BLOCK 01, 02: a large representation, the size of its blocks asked for early and late"] },
	{ id: "BLOCK_03", text: "PUT in blocks", tests: ["test/interop/coap-libcoap.test.ts › coap-libcoap: ${way.name}: a body goes in blocks of every size, and comes back"] },
	{ id: "BLOCK_04", text: "POST in blocks", tests: ["test/interop/coap-libcoap.test.ts › coap-libcoap: ${way.name}: a body is posted in blocks"] },
	{ id: "BLOCK_05", text: "blocks both ways", tests: ["test/interop/coap-libcoap.test.ts › coap-libcoap: udp: a body goes in blocks and an answer of blocks comes back"] },
	{ id: "BLOCK_06", text: "GET in blocks of 16 bytes", tests: ["test/interop/coap-libcoap.test.ts › coap-libcoap: ${way.name}: a representation comes in blocks of every size, whole or one at a time"] },
	{ id: "OBS_01", text: "notifications as CON", tests: ["test/interop/coap-plugtest.test.ts › plugtest: OBS 01: notifications that are confirmable"] },
	{ id: "OBS_02", text: "notifications as NON", tests: ["test/interop/coap-libcoap.test.ts › coap-libcoap: udp: notifications that are not confirmable"] },
	{ id: "OBS_04", text: "the client notices the end by Max-Age", tests: ["test/interop/coap-plugtest.test.ts › plugtest: OBS 04: what was not told of in time is asked for again"] },
	{ id: "OBS_05", text: "the server notices that the client is off", reason: "Nothing is asked of the client: it is gone, and the server finds out." },
	{ id: "OBS_06", text: "what nobody waits for is reset", tests: ["test/interop/coap-plugtest.test.ts › plugtest: OBS 06: a notification that nobody waits for is reset"] },
	{ id: "OBS_07", text: "DELETE ends it", tests: ["test/interop/coap-plugtest.test.ts › plugtest: OBS 07, 08: an observation ends with its resource, and with its format"] },
	{ id: "OBS_08", text: "another content format ends it", tests: ["test/interop/coap-plugtest.test.ts › plugtest: OBS 07, 08: an observation ends with its resource, and with its format"] },
	{ id: "OBS_09", text: "PUT is told of", tests: ["test/interop/coap-plugtest.test.ts › plugtest: OBS 09: what others put is told"] },
	{ id: "OBS_10", text: "a plain GET does not end it", tests: ["test/interop/coap-plugtest.test.ts › plugtest: OBS 10: a plain GET does not end the observation"] },
	{ id: "OBS_11", text: "losses", tests: ["test/interop/coap-plugtest.test.ts › plugtest: OBS 11: a lost notification is told after all, and its lost acknowledgement is no news"] },
	{ id: "OBS_12", text: "Observe 1 cancels", tests: ["test/interop/coap-plugtest.test.ts › plugtest: OBS 12: cancelling says so, with the token of the observation"] },
	{ id: "OBS_13", text: "a representation of several blocks", tests: ["test/interop/coap-libcoap.test.ts › coap-libcoap: ${way.name}: a body of several blocks is observed whole"] },
	{ id: "OBS_14", text: "one of changing size", tests: ["test/interop/coap-libcoap.test.ts › coap-libcoap: ${way.name}: a body of several blocks is observed whole"] },
	{ id: "LINK_01", text: "/.well-known/core", tests: ["test/interop/coap-libcoap.test.ts › coap-libcoap: ${way.name}: discovery", "test/interop/coap-client.test.ts › coap-client: discovery, and filters"] },
	{ id: "LINK_02", text: "filter by rt", tests: ["test/interop/coap-client.test.ts › coap-client: discovery, and filters"] },
	{ id: "LINK_03", text: "filter by an empty prefix", tests: ["test/interop/coap-client.test.ts › coap-client: discovery, and filters"] },
	{ id: "LINK_04", text: "filter where rt has several values", tests: ["test/interop/coap-client.test.ts › coap-client: discovery, and filters"] },
	{ id: "LINK_05", text: "filter by if and a prefix", tests: ["test/interop/coap-client.test.ts › coap-client: discovery, and filters"] },
	{ id: "LINK_06", text: "filter by sz and a prefix", tests: ["test/interop/coap-client.test.ts › coap-client: discovery, and filters"] },
	{ id: "LINK_07", text: "filter by href", tests: ["test/interop/coap-client.test.ts › coap-client: discovery, and filters"] },
	{ id: "LINK_08", text: "filter by href and a prefix", tests: ["test/interop/coap-client.test.ts › coap-client: discovery, and filters"] },
	{ id: "LINK_09", text: "link descriptions below each other", reason: "What a device offers is one flat list, all of it in /.well-known/core." },
	{ id: "DTLS_01", text: "a shared key", tests: ["test/interop/dtls-libcoap.test.ts › dtls-libcoap: ${build}: the handshake, 200 requests, and the server's goodbye"] },
	{ id: "DTLS_02", text: "the wrong key", tests: ["test/interop/dtls-libcoap.test.ts › dtls-libcoap: ${build}: with another key there is no session"] },
	{ id: "DTLS_03", text: "losses during the handshake", tests: ["test/interop/dtls-libcoap.test.ts › dtls-libcoap: ${build}: whichever datagram of the handshake is lost, it is sent again"] },
	{ id: "DTLS_04 to 07", text: "raw public keys", reason: "DTLS is there with shared keys; certificates are for TLS over TCP and WebSocket." },
];

/** The table as the documentation has it. */
export function plugtestTable(): string {
	const rows = plugtest.map(statement => `| ${statement.id} | ${statement.text} | ${"reason" in statement ? statement.reason : [...new Set(statement.tests.map(peerOf))].join(", ")} |`);
	return ["| case | what is tried | with |", "| --- | --- | --- |", ...rows].join("\n");
}

/** Who was at the other end. */
function peerOf(proof: string): string {
	if (proof.includes("dtls-libcoap")) return "libcoap (OpenSSL, GnuTLS)";
	if (proof.includes("coap-client")) return "libcoap's client, asking the device";
	if (proof.includes("${way.name}")) return "libcoap over UDP, TCP, DTLS";
	return proof.includes("libcoap") ? "libcoap" : "`coap` of npm";
}

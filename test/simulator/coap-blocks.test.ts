// SPDX-License-Identifier: Apache-2.0
/** The CoAP server's bodies in blocks: the flows that the RFCs draw, and what is wrong or large or changes meanwhile. RFC 7959, 8323 §6. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Code, OptionNumber, Type } from "../../src/coap/constants.js";
import type { CoAPLimits, CoAPReply, CoAPRequest, CoAPServerOptions } from "../../hosts/simulator/coap/server.js";
import vectors from "../vectors/coap-messages.json" with { type: "json" };
import { blockOption, blocksOf, DatagramClient, Scene, seen, StreamClient, uintOf, uintOption, valueOf, type Asked } from "./coap-scene.js";

/** No two blocks of it are the same. */
function body(length: number): Uint8Array {
	return Uint8Array.from({ length }, (_, index) => index * 7 + (index >> 8) & 0xff);
}

/** A server that answers each body with one of its own. */
function serving(reply: CoAPReply, limits: Partial<CoAPLimits>, more: Partial<CoAPServerOptions> = {}): { scene: Scene; requests: CoAPRequest[] } {
	const requests: CoAPRequest[] = [];
	const scene = new Scene({ limits, handler: (request, done) => {
		requests.push(request);
		done(reply);
	}, ...more });
	return { scene, requests };
}

interface Figure { blockLength: number; reply: CoAPReply; sent: number; requests: number; blockByBlock?: true }

/** What the figures leave unsaid: how long bodies are, and how often the handler is asked. */
const FIGURES: Readonly<Record<string, Figure>> = {
	"fig. 2": { blockLength: 128, reply: { code: "2.05", payload: body(380) }, sent: 0, requests: 3 },
	"fig. 3": { blockLength: 128, reply: { code: "2.05", payload: body(380) }, sent: 0, requests: 6 },
	"fig. 4": { blockLength: 128, reply: { code: "2.05", payload: body(380) }, sent: 0, requests: 5 },
	"fig. 5": { blockLength: 128, reply: { code: "2.05", payload: body(256) }, sent: 0, requests: 2 },
	"fig. 6": { blockLength: 128, reply: { code: "2.05", payload: body(256) }, sent: 0, requests: 2 },
	"fig. 7": { blockLength: 128, reply: { code: "2.04" }, sent: 300, requests: 1 },
	"fig. 8": { blockLength: 128, reply: { code: "2.04" }, sent: 300, requests: 3, blockByBlock: true },
	"fig. 9": { blockLength: 32, reply: { code: "2.04" }, sent: 220, requests: 1 },
	"fig. 10": { blockLength: 128, reply: { code: "2.04", payload: body(500) }, sent: 300, requests: 1 },
	"fig. 11": { blockLength: 128, reply: { code: "2.04", payload: body(250) }, sent: 300, requests: 1 },
};

suite("CoAP server: blocks", () => {
	for (const { source, title, steps } of vectors.blockFlows) {
		test(`${source}: ${title}`, () => {
			const { blockLength, reply, sent, requests: asked, blockByBlock } = FIGURES[source.replace("RFC 7959 ", "")]!;
			const { scene, requests } = serving(reply, { blockLength }, blockByBlock && { blockByBlock: () => true });
			const client = new DatagramClient(scene), whole = body(sent), collected: number[] = [];
			let messageId = 500;
			for (const { client: said, server: expected } of steps) {
				const words = said.replace("(no payload)", "").replace(/^.*\[lost\] (?=\w)/, "").split(" ").filter(word => word !== "");
				const isAgain = said.endsWith("[same MID]") && !said.includes("[lost]");
				if (!isAgain) messageId++;
				const blocks = words.filter(word => /^[12]:/.test(word));
				const upload = blocks.find(block => block.startsWith("1:"))?.split(/[:/]/).map(Number);
				const payload = upload && whole.subarray(upload[1]! * upload[3]!, (upload[1]! + 1) * upload[3]!);
				const code = Code[words[0] as "GET"], token = Uint8Array.of(messageId & 0xff);
				const answer = client.exchange({ code, path: "r", messageId, token, options: blocks.map(block => blockOption(block)), ...payload && { payload } });
				const [expectedCode, ...expectedBlocks] = expected.replace(" [lost]", "").split(" ");
				assert.deepEqual([seen({ ...answer, payload: new Uint8Array(0) }), blocksOf(answer).sort()], [`ACK ${expectedCode}`, expectedBlocks.sort()], said);
				if (!expected.includes("[lost]")) collected.push(...answer.payload);
			}
			// Two of the figures end before the body does.
			assert.deepEqual(collected, [...reply.payload?.subarray(0, /fig. [56]/.test(source) ? 192 : undefined) ?? []], "what came in all");
			assert.equal(requests.length, asked);
			const received = blockByBlock ? requests.flatMap(({ payload }) => [...payload]) : [...requests[0]!.payload];
			assert.deepEqual(received, [...whole], "what arrived in all");
			if (blockByBlock) assert.deepEqual(requests.map(({ block1 }) => block1?.more), [true, true, false]);
		});
	}

	for (const { source, steps } of vectors.bertFlows) {
		test(source, () => {
			const reply: CoAPReply = source.endsWith("13") ? { code: "2.05", payload: body(12_903) } : { code: "2.04" };
			const { scene, requests } = serving(reply, {}), client = new StreamClient(scene, "tcp", []);
			const upload = body(8_192 + 16_384 + 5_683), collected: number[] = [];
			let position = 0;
			for (const [said, expected] of steps as [string, string][]) {
				const size = Number(/payload (\d+)/.exec(expected)?.[1] ?? 4_096), isLast = size % 1_024 !== 0;
				client.say(Code.CSM, [uintOption(2, (isLast ? 8_192 : size) + 128), { number: 4, value: new Uint8Array(0) }]);
				const [method, ...words] = said.split(" "), sent = Number(/payload (\d+)/.exec(said)?.[1] ?? 0);
				const options = words.filter(word => /^[12]:/.test(word)).map(block => blockOption(block));
				const answer = client.exchange({ code: Code[method as "GET"], path: "r", options, payload: upload.subarray(position, position += sent) });
				const [code, block] = expected.split(" ");
				assert.deepEqual([seen({ ...answer, payload: new Uint8Array(0) }), blocksOf(answer)], [`CON ${code}`, [block]], said);
				collected.push(...answer.payload);
				if (expected.includes("payload")) assert.equal(answer.payload.byteLength, size);
			}
			assert.deepEqual(collected, [...reply.payload ?? []]);
			assert.deepEqual([...requests[0]!.payload], source.endsWith("14") ? [...upload] : []);
		});
	}

	test("any block can be asked for, in any size; one beyond the body is refused", () => {
		const whole = body(1_000), { scene } = serving({ code: "2.05", payload: whole }, { blockLength: 256 }), client = new DatagramClient(scene);
		for (let exponent = 0; exponent < 7; exponent++) {
			const size = 16 << exponent, served = Math.min(size, 256);
			for (const number of [0, 1, Math.floor(999 / size)]) {
				const answer = client.exchange({ path: "r", options: [blockOption(`2:${number}/0/${size}`)] }), start = number * size;
				if (start >= 1_000) {
					assert.equal(seen(answer), "ACK 4.00");
					continue;
				}
				assert.deepEqual(blocksOf(answer), [`2:${start / served}/${start + served < 1_000 ? 1 : 0}/${served}`]);
				assert.deepEqual([...answer.payload], [...whole.subarray(start, start + served)]);
			}
		}
		assert.equal(seen(client.exchange({ path: "r", options: [blockOption("2:4/0/256")] })), "ACK 4.00");
	});

	test("what fits is sent whole, with a block option only where one was asked for; an empty body has none", () => {
		const { scene } = serving({ code: "2.05", payload: body(256) }, { blockLength: 256 }), client = new DatagramClient(scene);
		const plain = client.exchange({ path: "r" });
		assert.deepEqual([blocksOf(plain), valueOf(plain.options, OptionNumber.ETAG)], [[], undefined]);
		assert.deepEqual(blocksOf(client.exchange({ path: "r", options: [blockOption("2:0/0/256")] })), ["2:0/0/256"]);
		const empty = new DatagramClient(serving({ code: "2.05" }, {}).scene);
		assert.deepEqual(blocksOf(empty.exchange({ path: "r", options: [blockOption("2:0/0/256")] })), []);
		assert.equal(seen(empty.exchange({ path: "r", options: [blockOption("2:1/0/256")] })), "ACK 4.00");
	});

	test("the first block says how long the whole is, the others where they are asked; all bear the body's ETag", () => {
		const reply: CoAPReply = { code: "2.05", payload: body(1_000) }, { scene } = serving(reply, { blockLength: 512 }), client = new DatagramClient(scene);
		const first = client.exchange({ path: "r" }), second = client.exchange({ path: "r", options: [blockOption("2:1/0/512")] });
		const asked = client.exchange({ path: "r", options: [blockOption("2:1/0/512"), uintOption(OptionNumber.SIZE2, 0)] });
		assert.deepEqual([first, second, asked].map(({ options }) => uintOf(options, OptionNumber.SIZE2)), [1_000, undefined, 1_000]);
		const etags = [first, second, asked].map(({ options }) => valueOf(options, OptionNumber.ETAG));
		assert.deepEqual(etags[1], etags[0]);
		assert.deepEqual(etags[2], etags[0]);
		reply.payload = body(1_001);
		const changed = client.exchange({ path: "r", options: [blockOption("2:1/0/512")] });
		assert.notDeepEqual(valueOf(changed.options, OptionNumber.ETAG), etags[0], "the body has changed between two blocks");
		const known = client.exchange({ path: "r", options: [{ number: OptionNumber.ETAG, value: valueOf(changed.options, OptionNumber.ETAG)! }] });
		assert.equal(seen(known), "ACK 2.03");
	});

	test("a body that is too large is refused at once where that is known, else when it is", () => {
		const { scene, requests } = serving({ code: "2.04" }, { bodyMaximum: 100 }), client = new DatagramClient(scene);
		const put = (block: string, payload: Uint8Array, size?: number) => client.exchange({
			code: Code.PUT, path: "r", payload, options: [blockOption(block), ...size === undefined ? [] : [uintOption(OptionNumber.SIZE1, size)]],
		});
		const early = put("1:0/1/64", body(64), 101);
		assert.deepEqual([seen(early), uintOf(early.options, OptionNumber.SIZE1)], ["ACK 4.13", 100]);
		assert.equal(seen(put("1:0/1/64", body(64), 100)), "ACK 2.31");
		assert.equal(seen(put("1:1/0/64", body(37))), "ACK 4.13");
		assert.equal(seen(client.exchange({ code: Code.PUT, path: "r", payload: body(101) })), "ACK 4.13");
		assert.equal(seen(client.exchange({ code: Code.PUT, path: "r", payload: body(100) })), "ACK 2.04");
		assert.equal(requests.length, 1);
	});

	test("blocks that are missing, late, of the wrong length or of another body", () => {
		const { scene, requests } = serving({ code: "2.04" }, {}), client = new DatagramClient(scene);
		const put = (block: string, length: number, more: Partial<Asked> = {}) => {
			const { options = [], ...others } = more;
			return seen(client.exchange({ code: Code.PUT, path: "r", payload: body(length), options: [blockOption(block), ...options], ...others })).slice(4, 8);
		};
		assert.equal(put("1:1/0/64", 10), "4.08", "nothing before it");
		assert.deepEqual([put("1:0/1/64", 64), put("1:2/0/64", 10)], ["2.31", "4.08"], "one is missing");
		assert.equal(put("1:1/0/64", 10), "4.08", "the body is given up");
		assert.equal(put("1:0/1/64", 63), "4.00");
		assert.equal(put("1:0/0/64", 65), "4.00");
		assert.equal(put("1:0/1/64", 64), "2.31");
		assert.equal(put("1:0/1/64", 64), "2.31", "begun again");
		scene.advance(248_000);
		assert.equal(put("1:1/0/64", 10), "4.08", "too late");
		const tag = (value: number) => ({ options: [uintOption(OptionNumber.REQUEST_TAG, value)] });
		assert.deepEqual([put("1:0/1/16", 16, tag(1)), put("1:0/1/16", 16, tag(2)), put("1:1/0/16", 9, tag(2)), put("1:1/0/16", 8, tag(1))], ["2.31", "2.31", "2.04", "2.04"]);
		assert.deepEqual(requests.map(({ payload }) => payload.byteLength), [25, 24]);
		assert.deepEqual([put("1:0/1/16", 16), put("1:1/0/16", 1, { path: "other" }), put("1:1/0/16", 1, { code: Code.POST })], ["2.31", "4.08", "4.08"]);
		assert.equal(seen(new DatagramClient(scene, "other").exchange({ code: Code.PUT, path: "r", payload: body(1), options: [blockOption("1:1/0/16")] })).slice(4, 8), "4.08");
	});

	test("bodies beyond the number that one peer may send at a time push out the oldest", () => {
		const { scene } = serving({ code: "2.04" }, { assemblyMaximum: 2 }), client = new DatagramClient(scene);
		const put = (path: string, block: string) => seen(client.exchange({ code: Code.PUT, path, payload: body(16), options: [blockOption(block)] })).slice(4, 8);
		assert.deepEqual(["a", "b", "c"].map(path => put(path, "1:0/1/16")), ["2.31", "2.31", "2.31"]);
		assert.deepEqual(["b", "c", "a"].map(path => put(path, "1:1/0/16")), ["2.04", "2.04", "4.08"]);
	});

	test("the rest of an answer to POST is kept for a while, and the handler not asked again", () => {
		const { scene, requests } = serving({ code: "2.04", payload: body(100) }, { blockLength: 64 }), client = new DatagramClient(scene);
		const rest = () => client.exchange({ code: Code.POST, path: "r", options: [blockOption("2:1/0/64")] });
		assert.equal(seen(rest()).slice(0, 8), "ACK 4.08");
		client.exchange({ code: Code.POST, path: "r", payload: body(3), options: [uintOption(OptionNumber.CONTENT_FORMAT, 50)] });
		assert.deepEqual([...rest().payload], [...body(100).subarray(64)]);
		assert.equal(requests.length, 1);
		scene.advance(248_000);
		assert.equal(seen(rest()).slice(0, 8), "ACK 4.08");
	});

	test("an answer that is not confirmable comes in blocks, too", () => {
		const { scene } = serving({ code: "2.05", payload: body(100) }, { blockLength: 64 }), client = new DatagramClient(scene);
		const answer = client.exchange({ type: Type.NON, path: "r" });
		assert.deepEqual([answer.type, blocksOf(answer)], [Type.NON, ["2:0/1/64"]]);
	});

	test("over a stream: whole where the peer takes it, in blocks where not, and not at all where it knows none", () => {
		const { scene } = serving({ code: "2.05", payload: body(2_000) }, {}), size = (value: number) => uintOption(2, value);
		const blockwise = { number: 4, value: new Uint8Array(0) };
		assert.equal(new StreamClient(scene, "tcp", [size(4_096)]).exchange({ path: "r" }).payload.byteLength, 2_000);
		assert.deepEqual(blocksOf(new StreamClient(scene).exchange({ path: "r" })), ["2:0/1/1024"]);
		assert.deepEqual(blocksOf(new StreamClient(scene, "tcp", [size(1_300), blockwise]).exchange({ path: "r" })), ["2:0/1/BERT"]);
		assert.deepEqual(blocksOf(new StreamClient(scene, "tcp", [size(700), blockwise]).exchange({ path: "r" })), ["2:0/1/512"]);
		assert.equal(seen(new StreamClient(scene, "tcp", []).exchange({ path: "r" })), "CON 5.00");
		const one = new StreamClient(scene, "tcp", [size(4_096), blockwise]).exchange({ path: "r", options: [blockOption("2:31/0/64")] });
		assert.deepEqual([blocksOf(one), [...one.payload]], [["2:31/0/64"], [...body(2_000).subarray(31 * 64)]]);
	});
});

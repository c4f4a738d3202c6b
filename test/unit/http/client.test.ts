// SPDX-License-Identifier: Apache-2.0
/** Request: the driver on a host whose streams, timers and names the test plays. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import { PACE, REDIRECTS_MAXIMUM, Request, TIMEOUT, type RequestOptions, type RequestReader } from "../../../src/http/client.js";
import type { Response } from "../../../src/http/response.js";
import { codeOf } from "../failure.js";
import { FakeHost, type FakeStream } from "../fake-host.js";
import { fromHex, toHex } from "../hex.js";
import { latin1 } from "./answers.js";

const secure = { certificates: [new Uint8Array(1)] };
const HEAD = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
const redirectTo = (location: string, status = 302): string => `HTTP/1.1 ${status} Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`;

class Rig implements RequestReader {
	readonly host = new FakeHost();
	readonly request: Request;
	readonly lines: string[] = [];
	/** Run inside of the callback of this name. */
	inside: { readonly name: "head" | "body" | "end"; action(): void } | undefined;
	#calling = true;

	/** What comes is kept. */
	holding = false;

	constructor(options: Partial<RequestOptions> = {}) {
		this.request = new Request({ host: this.host, url: "https://files.test/a/b?c", secure, ...options }, this);
		this.#calling = false;
	}

	onHead(response: Response): void { this.#note("head", `head ${response.status}`); }
	onBody(bytes: Uint8Array, start: number, end: number): boolean {
		this.#note("body", String.fromCharCode(...bytes.subarray(start, end)));
		return !this.holding;
	}
	onEnd(error: DeviceError | undefined): void { this.#note("end", error === undefined ? "end" : `${error.code}${error.detail ?? ""}`); }

	/** Plays name and network, up to where the request may be sent. */
	reach(room?: number): FakeStream {
		this.host.advance(0);
		this.host.resolver.answer("10.0.0.1");
		const { stream } = this.host;
		stream.writable(room);
		return stream;
	}

	/** A call into the request. */
	call(action: () => void): void {
		this.#calling = true;
		action();
		this.#calling = false;
	}

	/** What was sent since the last time. */
	sent(): string {
		return String.fromCharCode(...fromHex(this.host.stream.take()));
	}

	deliver(answer: string): void { this.host.stream.deliver(toHex(latin1(answer))); }

	/** The request is over: nothing is open, and nothing will happen. */
	assertOver(...lines: string[]): void {
		assert.deepEqual(this.lines, lines);
		assert.deepEqual([this.host.open, this.host.timers], [0, 0]);
		this.request.close();
		this.host.advance(10 * TIMEOUT);
		assert.deepEqual(this.lines, lines);
	}

	#note(name: "head" | "body" | "end", line: string): void {
		assert.ok(!this.#calling, "no callback from inside of a call");
		this.lines.push(line);
		if (this.inside?.name === name) this.inside.action();
	}
}

test("Request asks for the file, and says that it will ask for no other", () => {
	const rig = new Rig({ fields: "Range: bytes=0-1\r\n" });
	rig.host.advance(0);
	assert.equal(rig.host.resolver.options!.host, "files.test");
	rig.host.resolver.answer("10.0.0.1");
	const { options } = rig.host.stream;
	assert.deepEqual([options.address, options.port, options.host, options.secure], ["10.0.0.1", 443, "files.test", secure]);
	rig.host.stream.writable();
	assert.equal(rig.sent(), "GET /a/b?c HTTP/1.1\r\nHost: files.test\r\nUser-Agent: moorline\r\nAccept-Encoding: identity\r\nConnection: close\r\nRange: bytes=0-1\r\n\r\n");
	rig.deliver(`${HEAD}01234`);
	rig.deliver("56789 and more");
	rig.assertOver("head 200", "01234", "56789", "end");
});

test("Request goes out in pieces where there is little room", () => {
	const rig = new Rig();
	const stream = rig.reach(7);
	let sent = rig.sent();
	for (let turns = 0; turns < 100 && !sent.endsWith("\r\n\r\n"); turns++) {
		stream.writable(1 + turns % 9);
		sent += rig.sent();
	}
	assert.match(sent, /^GET .* HTTP\/1\.1\r\n[^]*close\r\n\r\n$/);
	stream.writable();
	assert.equal(rig.sent(), "", "and once");
});

test("Request begins no earlier than it may", () => {
	const rig = new Rig({ notBefore: 6_000 });
	rig.host.advance(4_999);
	assert.equal(rig.host.resolvers.length, 0);
	rig.host.advance(1);
	assert.equal(rig.host.resolvers.length, 1);
});

test("Request waits for name and connection, then for the head, then for each kilobyte, and no longer", () => {
	const silent = (play: (rig: Rig) => void, ...lines: string[]): void => {
		const rig = new Rig();
		rig.host.advance(0);
		play(rig);
		rig.host.advance(TIMEOUT - 1);
		assert.deepEqual(rig.lines, lines);
		rig.host.advance(1);
		rig.assertOver(...lines, "timeout");
	};
	silent(() => {});
	silent((rig) => {
		rig.reach();
		rig.host.advance(TIMEOUT - 1);
		rig.deliver(`HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n0`);
		rig.host.advance(TIMEOUT - 1);
		rig.deliver("1".repeat(PACE - 1));
	}, "head 200", "0", "1".repeat(PACE - 1));
	const connecting = new Rig();
	connecting.host.advance(0);
	connecting.host.advance(TIMEOUT - 1);
	connecting.host.resolver.answer("10.0.0.1");
	connecting.host.advance(1);
	connecting.assertOver("timeout");
	const trickling = new Rig();
	trickling.reach();
	trickling.host.advance(TIMEOUT - 1);
	trickling.deliver("HTTP/1.1 200 OK\r\n");
	trickling.host.advance(1);
	trickling.assertOver("timeout");
	const slow = new Rig();
	slow.reach();
	slow.deliver(`${HEAD}0`);
	slow.host.advance(TIMEOUT - 1);
	slow.deliver("1");
	slow.host.advance(1);
	slow.assertOver("head 200", "0", "1", "timeout");
});

test("Request ends once, whatever fails and when", () => {
	const lost = new DeviceError("closed", "lost");
	const failing = (play: (rig: Rig) => void, ...lines: string[]): void => {
		const rig = new Rig();
		rig.host.advance(0);
		play(rig);
		rig.assertOver(...lines);
	};
	failing((rig) => rig.host.resolver.fail("unreachable"), "unreachable");
	failing((rig) => {
		rig.host.refusal = new DeviceError("full", "no socket");
		rig.host.resolver.answer("10.0.0.1");
	}, "full");
	failing((rig) => {
		rig.host.resolver.answer("10.0.0.1");
		rig.host.stream.fail(new DeviceError("tls", "no trust"));
	}, "tls");
	failing((rig) => rig.reach().fail(lost), "closed");
	failing((rig) => {
		rig.reach();
		rig.deliver(`${HEAD}01`);
		rig.host.stream.fail(lost);
	}, "head 200", "01", "closed");
	failing((rig) => {
		rig.reach();
		rig.deliver("HTTP/1.1 200 OK\n");
	}, "malformed");
	failing((rig) => {
		rig.reach();
		rig.deliver("HTTP/1.1 200 OK\r\n\r\n01");
		rig.host.stream.fail(lost);
	}, "head 200", "01", "end");
	failing((rig) => {
		rig.reach();
		rig.deliver("HTTP/1.1 200 OK\r\n\r\n01");
		rig.host.stream.fail(new DeviceError("tls", "an alert"));
	}, "head 200", "01", "tls");
});

test("Request takes what its reader throws for the end", () => {
	for (const [error, code] of [[new DeviceError("rejected", "no", { detail: 7 }), "rejected7"], [new Error("no"), "internal"]] as const) {
		for (const name of ["head", "body"] as const) {
			const rig = new Rig();
			rig.inside = { name, action() { throw error; } };
			rig.reach();
			rig.deliver(`${HEAD}01`);
			rig.assertOver(...["head 200", "01"].slice(0, name === "head" ? 1 : 2), code);
		}
	}
});

test("Request is closed from inside of any callback, and at any time", () => {
	for (const [name, lines] of [["head", ["head 200"]], ["body", ["head 200", "0123456789"]], ["end", ["head 200", "0123456789", "end"]]] as const) {
		const rig = new Rig();
		rig.inside = { name, action() { rig.request.close(); } };
		rig.reach();
		rig.deliver(`${HEAD}0123456789`);
		rig.assertOver(...lines);
	}
	for (let stage = 0; stage < 5; stage++) {
		const rig = new Rig();
		if (stage > 0) rig.host.advance(0);
		if (stage > 1) rig.host.resolver.answer("10.0.0.1");
		if (stage > 2) rig.host.stream.writable();
		if (stage > 3) rig.deliver(HEAD);
		rig.request.close();
		rig.assertOver(...stage > 3 ? ["head 200"] : []);
	}
});

test("Request reads a few kilobytes a turn, and the rest in the next ones", () => {
	const rig = new Rig();
	const stream = rig.reach();
	const length = 20_000;
	rig.deliver(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${"x".repeat(length)}`);
	const whole = stream.unread;
	assert.ok(whole > length - 8_192 && whole < length);
	// What came before the end of the stream is read all the same.
	stream.fail(new DeviceError("closed", "over"));
	rig.host.advance(0);
	assert.equal(rig.lines.slice(1, -1).join("").length, length);
	rig.assertOver(...rig.lines.slice(0, -1), "end");
});

test("Request gives nothing more while a piece is kept, and goes on from there", () => {
	const rig = new Rig();
	rig.holding = true;
	const stream = rig.reach();
	rig.deliver("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n01\r\n3\r\n234\r\n");
	assert.deepEqual(rig.lines, ["head 200", "01"]);
	rig.deliver("1\r\n5\r\n0\r\n\r\n");
	// Who keeps it may take longer than the server.
	rig.host.advance(3 * TIMEOUT);
	stream.fail(new DeviceError("closed", "over"));
	assert.deepEqual(rig.lines, ["head 200", "01"]);
	for (const line of ["234", "5", "end"]) {
		rig.call(() => rig.request.next());
		assert.notEqual(rig.lines.at(-1), line, "not from inside");
		rig.host.advance(0);
		assert.equal(rig.lines.at(-1), line);
	}
	rig.assertOver("head 200", "01", "234", "5", "end");
});

test("Request keeps what it did not look at when more comes before its turn", () => {
	const rig = new Rig();
	rig.holding = true;
	rig.reach();
	rig.deliver("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n01\r\n3\r\n234\r\n");
	rig.call(() => rig.request.next());
	rig.deliver("1\r\n5\r\n0\r\n\r\n");
	assert.deepEqual(rig.lines, ["head 200", "01"]);
	rig.holding = false;
	rig.host.advance(0);
	rig.assertOver("head 200", "01", "234", "5", "end");
});

test("Request that is told to go on without need does not", () => {
	const rig = new Rig();
	rig.call(() => rig.request.next());
	rig.reach();
	rig.deliver(`${HEAD}01`);
	rig.call(() => rig.request.next());
	rig.host.advance(TIMEOUT - 1);
	assert.deepEqual(rig.lines, ["head 200", "01"]);
	rig.host.advance(1);
	rig.assertOver("head 200", "01", "timeout");
});

test("Request waits for the server again once a piece is not kept any more", () => {
	for (const end of ["timeout", "closed", "close"] as const) {
		const rig = new Rig();
		rig.holding = true;
		const stream = rig.reach();
		rig.deliver(`${HEAD}01`);
		rig.host.advance(2 * TIMEOUT);
		rig.holding = false;
		if (end === "close") {
			rig.request.close();
			rig.request.next();
			rig.assertOver("head 200", "01");
			continue;
		}
		if (end === "closed") stream.fail(new DeviceError("closed", "over"));
		rig.request.next();
		rig.host.advance(0);
		if (end === "timeout") {
			rig.host.advance(TIMEOUT - 1);
			assert.deepEqual(rig.lines, ["head 200", "01"]);
			rig.host.advance(1);
		}
		rig.assertOver("head 200", "01", end);
	}
});

test("Request follows redirects, each on a connection of its own", () => {
	const rig = new Rig({ fields: "Range: bytes=0-1\r\n" });
	rig.reach();
	rig.sent();
	for (const [status, location, target, authority] of [
		[301, "/moved/x?y", "/moved/x?y", "files.test"], [302, "../up", "/up", "files.test"], [303, "//other.test:8443/c", "/c", "other.test:8443"],
		[307, "https://third.test", "/", "third.test"], [308, "?d", "/?d", "third.test"],
	] as const) {
		rig.deliver(redirectTo(location, status));
		assert.equal(rig.host.open, 0, "one connection at a time");
		rig.reach();
		const [name, port = "443"] = authority.split(":");
		assert.deepEqual([rig.host.stream.options.host, rig.host.stream.options.port], [name, Number(port)], "its certificate is looked at anew");
		assert.match(rig.sent(), new RegExp(`^GET ${target.replace("?", "\\?")} HTTP/1.1\r\nHost: ${authority}\r\n[^]*Range: bytes=0-1\r\n\r\n$`));
	}
	rig.deliver(`${HEAD}0123456789`);
	rig.assertOver("head 200", "0123456789", "end");
});

test("Request follows so many redirects and no more", () => {
	const rig = new Rig();
	for (let count = 0; count <= REDIRECTS_MAXIMUM; count++) {
		rig.reach();
		assert.deepEqual(rig.lines, []);
		rig.deliver(redirectTo(`/${count}`, 307));
	}
	rig.assertOver("violation307");
	const patient = new Rig();
	for (let count = 0; count < REDIRECTS_MAXIMUM; count++) {
		patient.reach();
		patient.deliver(redirectTo("b"));
	}
	patient.reach();
	patient.deliver(`${HEAD}0123456789`);
	patient.assertOver("head 200", "0123456789", "end");
});

test("Request is not led from what is secure to what is not, nor to what is no file on the web", () => {
	for (const location of ["http://files.test/b", "http:", "ftp://files.test/b", "file:///etc/passwd", "https://a@b/", "https://a/ b", "/b\tc", "//"]) {
		for (const plain of [false, true]) {
			const rig = new Rig({ plain });
			rig.reach();
			rig.deliver(redirectTo(location));
			rig.assertOver("violation302");
		}
	}
	const rising = new Rig({ plain: true, url: "http://files.test/a" });
	rising.reach();
	assert.equal(rising.host.stream.options.secure, undefined);
	rising.deliver(redirectTo("https://files.test/b"));
	rising.reach();
	assert.equal(rising.host.stream.options.secure, secure);
	rising.deliver(redirectTo("http://files.test/c"));
	rising.assertOver("violation302");
});

test("Request hands on a redirect that leads nowhere", () => {
	for (const status of [300, 302, 304, 305]) {
		const rig = new Rig();
		rig.reach();
		rig.deliver(`HTTP/1.1 ${status} x\r\nContent-Length: 0\r\n\r\n`);
		rig.assertOver(`head ${status}`, "end");
	}
});

test("Request refuses a URL that it cannot ask for, and what is not secure unless it is told to", () => {
	for (const url of ["http://files.test/a", "https://a b/", "coap://a/b"]) assert.equal(codeOf(() => new Rig({ url })), "argument");
	const rig = new Rig({ url: "http://files.test:8080/a", plain: true });
	rig.reach();
	assert.deepEqual([rig.host.stream.options.port, rig.host.stream.options.host], [8080, undefined]);
});

// SPDX-License-Identifier: Apache-2.0
/** Serves firmware on real sockets: Node's HTTP, so that a device meets a server that is not ours. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { FirmwareFiles, FirmwareAnswer } from "./firmware.js";

export function serveFirmware(server: Server, firmware: FirmwareFiles): void {
	server.on("request", (request, response) => {
		const { method = "GET", url: target = "/", headers: { range, "if-range": ifRange } } = request;
		give(request, response, firmware.answer({ method, target, range, ifRange: ifRange as string | undefined }));
	});
}

function give(request: IncomingMessage, response: ServerResponse, answer: FirmwareAnswer): void {
	const { status, fields, length, chunked, resetAfter, trickle } = answer;
	response.writeHead(status, chunked ? { ...fields } : { ...fields, "Content-Length": length });
	if (request.method === "HEAD") {
		response.end();
		return;
	}
	const body = resetAfter === undefined ? answer.body : answer.body.subarray(0, resetAfter);
	const isCut = resetAfter !== undefined || length > answer.body.byteLength;
	const finish = (rest: Uint8Array): void => {
		// What was written goes out before the cut: a test may count on it.
		if (isCut) response.write(rest, () => { request.socket.destroySoon(); });
		else response.end(rest);
	};
	if (trickle === undefined) return finish(body);
	const { count, interval } = trickle;
	let sent = 0;
	// With a head alone in hand, a client can already leave.
	response.flushHeaders();
	const timer = setInterval(() => {
		const piece = body.subarray(sent, sent += count);
		if (sent < body.byteLength) response.write(piece);
		else finish(piece);
	}, interval);
	response.on("close", () => { clearInterval(timer); });
}

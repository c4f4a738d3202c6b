// SPDX-License-Identifier: Apache-2.0
/** Serves firmware on real sockets: Node's HTTP, so that a device meets a server that is not ours. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { FirmwareFiles, FirmwareAnswer } from "./firmware.js";

/** Bytes that are given to Node at a time. */
const PIECE = 65_536;

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
	let sent = 0;
	const timer = trickle === undefined ? undefined : setInterval(() => { next(trickle.count); }, trickle.interval);
	response.on("close", () => { clearInterval(timer); });
	// With a head alone in hand, a client can already leave.
	response.flushHeaders();
	const next = (count: number): void => {
		const piece = body.subarray(sent, sent += count);
		const isLast = sent >= body.byteLength;
		if (isLast) clearInterval(timer);
		if (isLast && !isCut) response.end(piece);
		// What was written goes out before the cut: a test may count on it.
		else response.write(piece, () => { isLast ? request.socket.destroySoon() : timer ?? next(PIECE); });
	};
	if (timer === undefined) next(PIECE);
}

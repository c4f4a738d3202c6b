// SPDX-License-Identifier: Apache-2.0
/** How the private cloud refuses: with a number as HTTP has them, and a word of explanation. */

/**
 * 400: cannot be read, or is not allowed; 404: there is no such thing; 409: made for another version; 413: too large;
 * 416: beyond the end of a file; 429: too many; 500: the cloud failed, or has no room.
 */
export type RejectionCode = 400 | 404 | 409 | 413 | 416 | 429 | 500;

/** A refusal on its way to the device. */
export class Rejection extends Error {
	readonly code: RejectionCode;
	/** Members that the answer carries besides. */
	readonly members: object | undefined;

	constructor(code: RejectionCode, message: string, members?: object) {
		super(message);
		this.code = code;
		this.members = members;
	}
}

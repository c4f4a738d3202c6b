// SPDX-License-Identifier: Apache-2.0
/**
 * The queue in memory: it forgets at a reset.
 *
 * Memory: one buffer, made at the first packet, of a length that the owner chose. Nothing is allocated per packet
 * but the view that copies its bytes out.
 */
import { Ring } from "../bytes/ring.js";
import type { Queue, QueueOwner } from "./queue.js";

export class RingQueue extends Ring implements Queue {
	flush(): void {}

	verify(): boolean {
		return true;
	}

	/** Room comes of it only when nothing is held before `from`. */
	dropOldest(from: number, owner: QueueOwner): boolean {
		if (from < 0) return false;
		owner.dropped(from, this.id(from));
		this.release(from);
		return true;
	}
}

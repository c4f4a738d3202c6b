/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device's linker does to preloaded modules, done to the root machine before and after it is
 * shared: functions, classes and built-ins become immutable, buffers, maps and sets read-only; plain
 * objects and arrays stay, the clone copies them when it first writes to them.
 */
#include "host.h"

/* FREEZE */

static void freezeInstance(txSlot* instance)
{
	txSlot* property = instance->next;
	instance->flag |= XS_DONT_PATCH_FLAG;
	while (property) {
		property->flag |= XS_DONT_DELETE_FLAG;
		if (property->kind == XS_ARRAY_KIND) {
			txSlot* item = property->value.array.address;
			txSlot* limit = item ? item + ((txChunk*)((txByte*)item - sizeof(txChunk)))->size / sizeof(txSlot) : NULL;
			while (item < limit)
				(item++)->flag |= XS_DONT_DELETE_FLAG | XS_DONT_SET_FLAG;
		}
		if (property->kind != XS_ACCESSOR_KIND)
			property->flag |= XS_DONT_SET_FLAG;
		property = property->next;
	}
}

static void freezePrototype(txMachine* the, txSlot* function)
{
	txSlot* property = function->next;
	while (property) {
		if ((property->ID == mxID(_prototype)) && !(property->flag & XS_INTERNAL_FLAG) && (property->kind == XS_REFERENCE_KIND))
			freezeInstance(property->value.reference);
		property = property->next;
	}
}

static int isReadOnly(txSlot* instance)
{
	txSlot* internal = instance->next;
	if (!internal || !(internal->flag & XS_INTERNAL_FLAG))
		return 0;
	switch (internal->kind) {
	case XS_ARRAY_BUFFER_KIND:
	case XS_DATA_VIEW_KIND:
	case XS_DATE_KIND:
	case XS_MAP_KIND:
	case XS_REGEXP_KIND:
	case XS_SET_KIND:
	case XS_TYPED_ARRAY_KIND:
	case XS_WEAK_MAP_KIND:
	case XS_WEAK_SET_KIND:
		return 1;
	default:
		return 0;
	}
}

/* A variable that holds a function cannot be assigned again: its value lies in flash. */
static void freezeClosure(txSlot* closure)
{
	if (closure && (closure->kind == XS_REFERENCE_KIND) && mxIsFunction(closure->value.reference))
		closure->flag |= XS_DONT_SET_FLAG;
}

/* Instances below `boundary` in the first heap were there before any module ran: the built-ins. */
void freezeRoot(txMachine* the, txSlot* boundary)
{
	txSlot* first = the->firstHeap;
	txSlot* heap;
	while (first->next)
		first = first->next;
	for (heap = the->firstHeap; heap; heap = heap->next) {
		for (txSlot* slot = heap + 1; slot < heap->value.reference; slot++) {
			int builtIn = (first < slot) && (slot < boundary);
			if (builtIn && options.thaw)
				continue;
			if (slot->kind == XS_CLOSURE_KIND)
				freezeClosure(slot->value.closure);
			if ((slot->kind != XS_INSTANCE_KIND) || (slot == mxGlobal.value.reference))
				continue;
			if (mxIsFunction(slot)) {
				freezeInstance(slot);
				freezePrototype(the, slot);
			}
			else if (builtIn || isReadOnly(slot))
				freezeInstance(slot);
		}
	}
}

/* EXTERNALIZE */

/* A slot of the clone may copy the value; its collector must not take the root's chunk for its own. */
static void externalize(txSlot* slot)
{
	switch (slot->kind) {
	case XS_STRING_KIND: slot->kind = XS_STRING_X_KIND; break;
	case XS_KEY_KIND: slot->kind = XS_KEY_X_KIND; break;
	case XS_BIGINT_KIND: slot->kind = XS_BIGINT_X_KIND; break;
	case XS_CODE_KIND: slot->kind = XS_CODE_X_KIND; break;
	case XS_ARRAY_KIND:
		if (slot->value.array.address) {
			txSlot* item = slot->value.array.address;
			txSize count = ((txChunk*)((txByte*)item - sizeof(txChunk)))->size / sizeof(txSlot);
			if (count > (txSize)slot->value.array.length)
				count = slot->value.array.length;
			while (count-- > 0)
				externalize(item++);
		}
		break;
	}
}

void externalizeRoot(txMachine* the)
{
	for (txSlot* heap = the->firstHeap; heap; heap = heap->next) {
		for (txSlot* slot = heap + 1; slot < heap->value.reference; slot++)
			externalize(slot);
	}
	for (txSlot* slot = the->stack; slot < the->stackTop; slot++)
		externalize(slot);
}

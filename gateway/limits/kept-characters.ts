import { getHeapStatistics } from 'node:v8';

/** Bytes of memory for each character of a document, of what is parsed, rewritten or planned from it. */
const BYTES_PER_CHARACTER = 130;
/** Of the heap, what each cache of documents may take: there are three. */
const SHARE = 1 / 12;
const MOST_CHARACTERS = 2_097_152;

/** Characters of documents that one cache keeps: what is made of them fits the heap, however small the container is. */
export function keptCharacters(heapBytes: number = getHeapStatistics().heap_size_limit): number {
  return Math.min(MOST_CHARACTERS, Math.floor((heapBytes * SHARE) / BYTES_PER_CHARACTER));
}

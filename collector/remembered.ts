/** Asks once for each key, and answers the same object every time. */
export function remembered<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const known = new Map<Key, Value>();
  return (key) => {
    const found = known.get(key);
    if (found !== undefined || known.has(key)) return found as Value; // it was put there
    const made = make(key);
    known.set(key, made);
    return made;
  };
}

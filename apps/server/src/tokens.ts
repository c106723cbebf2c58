/** Injection token of the object store (an `ObjectStore` of #libs/object-store, which is an interface). */
export const OBJECT_STORE = Symbol('OBJECT_STORE');

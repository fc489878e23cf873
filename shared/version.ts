/** The product's version, written into both bundles by deploy/build.ts; from source it is `0.0.0-dev`. */
declare const TT_VERSION: string | undefined;

export const VERSION: string = typeof TT_VERSION === 'string' ? TT_VERSION : '0.0.0-dev';

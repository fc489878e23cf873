// The page's styles: esbuild collects them into dist/web/app.css. (Other assets are read, not
// imported: see inline-assets.ts.)
declare module '*.css';

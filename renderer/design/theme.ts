/** Mantine in our colours and density. */
import { createTheme, type MantineColorsTuple } from '@mantine/core';

const teal: MantineColorsTuple = ['#e3fbf8', '#c9f4ee', '#9be9df', '#79dfd3', '#5fd6c8', '#47c3b4', '#33a596', '#24877b', '#176b61', '#0b4f47'];
const dark: MantineColorsTuple = ['#e7ecf2', '#b8c2cd', '#98a4b1', '#7b8896', '#3a4551', '#2b3540', '#1e262f', '#11161c', '#0d1115', '#0a0c0f'];

export const theme = createTheme({
  colors: { teal, dark }, primaryColor: 'teal', primaryShade: 4, autoContrast: true, luminanceThreshold: 0.45, defaultRadius: 6, cursorType: 'pointer',
  fontFamily: "Inter, 'Segoe UI', system-ui, -apple-system, 'Helvetica Neue', 'Open Sans', 'DejaVu Sans', Arial, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace",
  fontSizes: { xs: '11.5px', sm: '13px', md: '14px', lg: '16px', xl: '20px' },
  respectReducedMotion: true,
});

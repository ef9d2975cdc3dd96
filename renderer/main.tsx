/** Where React starts. */
import '@mantine/core/styles.css';
import './design/tokens.css';
import { MantineProvider } from '@mantine/core';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { listenToKeys } from './actions.ts';
import { App } from './App.tsx';
import { Boundary } from './Boundary.tsx';
import { theme } from './design/theme.ts';
import { startAuditScreen } from './audit/audit.ts';
import { startCurate } from './curate/curate.ts';
import { startFinetune } from './finetune/finetune.ts';
import { startIntegrity } from './integrity/integrity.ts';
import { startLibrary } from './library/library.ts';
import { startReports } from './report/report.ts';
import { startChecks } from './review/evidence.ts';
import { startJudging } from './review/judge.ts';
import { startLocating } from './locate/locate.ts';
import { startModels } from './models/models.ts';
import { startSimilar } from './similar/similar.ts';
import { review, startReview } from './review/review.ts';
import { startSearching } from './review/searching.ts';
import { pseudoLanguage, pseudoStrings } from './pseudo.ts';
import { english } from './strings.ts';
import { startSession } from './session.ts';
import { startSettings } from './settings.ts';
import { speak, text } from './workstation/text.ts';

// Whoever translates, and the tests, ask for the pseudo-language in the address.
const isPseudo = new URLSearchParams(window.location.search).get('language') === pseudoLanguage;
await speak(isPseudo ? pseudoLanguage : 'en', { en: english, ...(isPseudo ? { [pseudoLanguage]: pseudoStrings(english) } : {}) });
await startSettings();
startLibrary();
startReview();
startJudging();
startChecks();
startLocating();
startSearching();
startCurate();
startFinetune();
startModels();
startIntegrity();
startSimilar();
startReports({ areMarksShown: () => review.get().areMarksShown });
startAuditScreen();
await startSession();
listenToKeys();
createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <MantineProvider theme={{ ...theme, components: { Modal: { defaultProps: { closeButtonProps: { 'aria-label': text('app.dismiss') } } } } }} forceColorScheme="dark">
      <Boundary><App /></Boundary>
    </MantineProvider>
  </StrictMode>,
);

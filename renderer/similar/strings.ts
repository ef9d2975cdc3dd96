/** English of the screen of likeness. */
export const similarStrings = {
  title: 'Similar cases', tabs: { search: 'Search', words: 'Classes by words', odd: 'Odd one out' }, failed: 'It could not be done.', again: 'Try again.',
  library: 'Library', seen: '{{seen}} of {{total}} studies seen', pictures_one: '{{count}} picture', pictures_other: '{{count}} pictures', seeing: 'Seeing the library …', stop: 'Stop', goOn: 'Go on',
  left_one: '{{count}} picture cannot be compared', left_other: '{{count}} pictures cannot be compared', encoder: 'Encoder',
  note: 'Likeness is how alike pictures look to the encoder. It is no diagnosis, and nothing leaves this machine.',
  say: 'Say what to look for', sayHint: 'A chest film showing bacterial pneumonia', find: 'Find', duplicates: 'Near-duplicates', duplicatesHint: 'Pictures of different studies that are nearly the same: copies, turned or brightened ones.',
  searching: 'Searching …', startTitle: 'Search by a sentence or by a picture', startText: 'Say what the picture should show, or open a study and choose “Find similar cases” there.', emptyTitle: 'Nothing to compare with', emptyText: 'No other study of the library was seen yet.',
  found_one: '{{count}} study, nearest first', found_other: '{{count}} studies, nearest first', directions: { sentence: 'Sentence to pictures', view: 'Picture to pictures', picture: 'Picture to pictures' },
  open: 'Open', more: 'More like this', likeness: 'Likeness {{value}}', sample: 'sample',
  noDuplicates: 'No near-duplicates', noDuplicatesText: 'No two studies that were seen show nearly the same picture.', pair_one: '{{count}} pair', pair_other: '{{count}} pairs', pairText: '{{distance}} of 256 bits differ', openFirst: 'Open the first', openSecond: 'Open the second',
  words: {
    classes: 'Classes', name: 'Name', wordings: 'Wordings, with commas between them', add: 'Add a class', remove: 'Leave out {{name}}', templates: 'Sentences, one a line, with CLASSNAME where the wording goes', over: 'Over', overs: { library: 'the library', curated: 'curated cases' },
    tell: 'Tell apart', telling: 'Telling apart …', cannot: 'Nothing can be told apart by these words.', mend: 'Give at least two classes, each with a wording, and a sentence with CLASSNAME in it.',
    startTitle: 'No classifier was trained for this', startText: 'Each class is the mean of its sentences; a picture belongs to the nearest one. Try the words first on cases whose label you know.',
    prompts_one: '{{count}} sentence', prompts_other: '{{count}} sentences', right: '{{right}} of {{of}} right, {{share}} % ({{low}} to {{high}})', confusion: 'Confusion', is: 'is', told: 'told', noTruth: 'These pictures have no label among the classes: nothing can be counted as right or wrong.',
    compare: 'The shares compare these classes with each other and say nothing of what is not among them.', share: '{{share}} %', left: 'left out', open: 'Open the study of this picture: {{name}}',
  },
  odd: {
    question: 'Which one is the odd one out?', hint: 'By how it looks, not by a diagnosis. Go by the first impression.', choose: 'Image {{at}} is the odd one', cannot: 'Cannot tell', loading: 'Looking for three images …', next: 'Ask me', withdrawn: 'The last answer was taken back.',
    exported: '{{judgements}} judgements and {{images}} pictures are in {{folder}}. loupe train learns from recipe.json there.',
    progress: 'So far', answers_one: '{{count}} answer', answers_other: '{{count}} answers', seconds: '{{seconds}} s in the middle', repeats: 'Repeated questions', noRepeats: 'Some questions come again, without saying so. {{count}} more until your answers can be used.',
    consistency: '{{share}} % of {{count}} answered as the first time', used: 'Your answers are used.', notUsed: 'Your answers are not used: fewer than 70 % of the repeated questions were answered alike.',
    usable_one: '{{count}} judgement can be learnt from', usable_other: '{{count}} judgements can be learnt from', contradicted: 'Contradicting yourself', disagreed: 'Readers disagree', undecided: 'Cannot be told', ofUnused: 'Of readers whose answers are not used', circles_one: '{{count}} image goes round in a circle', circles_other: '{{count}} images go round in a circle', contradictions: 'Contradictions',
    withdraw: 'Take back', export: 'Write for training', repeatKind: { repeat: 'You named two different ones', readers: 'Readers named different ones' },
  },
} as const;

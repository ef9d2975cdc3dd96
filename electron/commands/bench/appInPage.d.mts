/** Types of what runs in the page, for a compiler that knows no page. */
export function isImported(slices: number): boolean;
export function filterBy(value: string): Promise<number>;
export function openFirst(): Promise<number>;
export function wheelThrough(): Promise<number[]>;
export function keepReading(): void;
export function stopReading(): number;
export function threePlanes(): Promise<number>;
export function movePlanes(): Promise<number>;
export function openSlide(): Promise<{ readonly ms: number; readonly tiles: number }>;
export function moveSlide(): Promise<{ readonly pictures: number[]; readonly tiles: number[] }>;
export function train(recipe: string): Promise<string>;
export function training(runId: string): Promise<{ readonly step: number; readonly state: string }>;
export function graphics(): string;
export function forget(): Promise<void>;

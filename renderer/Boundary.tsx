/** Catches what a screen throws while it is drawn, so that one defect does not blank the window. */
import { Component, type ReactNode } from 'react';
import { Broken } from './App.tsx';

interface BoundaryState {
  readonly message: string | null;
}

export class Boundary extends Component<{ readonly children: ReactNode }, BoundaryState> {
  override state: BoundaryState = { message: null };

  static getDerivedStateFromError(error: unknown): BoundaryState {
    return { message: error instanceof Error ? error.message : String(error) };
  }

  override render(): ReactNode {
    return this.state.message === null ? this.props.children : <Broken message={this.state.message} />;
  }
}

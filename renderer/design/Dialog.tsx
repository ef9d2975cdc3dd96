/** A window within the window; Escape and the ground behind it close it, and the focus returns to where it was. */
import { Modal } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';

interface DialogProps {
  readonly isOpen: boolean;
  readonly title: string;
  readonly size?: number;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

export function Dialog({ isOpen, title, size = 640, onClose, children }: DialogProps): ReactElement {
  return (
    <Modal opened={isOpen} onClose={onClose} title={title} size={size} centered overlayProps={{ backgroundOpacity: 0.6 }} transitionProps={{ duration: 90 }} closeButtonProps={{ 'aria-label': 'Close' }}>
      {children}
    </Modal>
  );
}

/** A window within the window; Escape and the ground behind it close it, and the focus returns to where it was. */
import { Modal } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';

interface DialogProps {
  readonly isOpen: boolean;
  readonly title: string;
  readonly size?: number;
  /** It may be opened while another one is. */
  readonly isOnTop?: boolean;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

export function Dialog({ isOpen, title, size = 640, isOnTop = false, onClose, children }: DialogProps): ReactElement {
  return (
    <Modal opened={isOpen} onClose={onClose} title={title} size={size} centered {...(isOnTop ? { zIndex: 400 } : {})} overlayProps={{ backgroundOpacity: 0.6 }} transitionProps={{ duration: 90 }}>
      {children}
    </Modal>
  );
}
